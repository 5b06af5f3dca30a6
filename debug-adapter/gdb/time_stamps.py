# Loaded into gdb: SIGSEGV, which in a replay has two meanings. The program has crashed; or it has read the time-stamp counter,
# which the replayer lets trap and answers in its handler.
#
#   -afterimage-faults pass|stop           -> the program gets the signal, unseen; or it stops for it, and never gets it
#   -afterimage-frame                      -> frame="0x..", a name of the innermost frame that stays the same while it lives
#   -afterimage-level FRAME                -> level="N", of the frame with this name; -1 if it has ended
#   -afterimage-time-stamp-read            -> next="0x..": the instruction behind the one where the program stands, if that reads the
#                                             counter, else "0x0"
import gdb

RDTSC, RDTSCP = b"\x0f\x31", b"\x0f\x01\xf9"
DISPOSITIONS = {"pass": "nostop noprint pass", "stop": "stop print nopass"}
FRAMES_LOOKED_AT = 1000


class Faults(gdb.MICommand):
    def invoke(self, argv):
        gdb.execute("handle SIGSEGV " + DISPOSITIONS[argv[0]], to_string=True)


def name_of(frame):
    older = frame.older()
    return 0 if older is None else int(older.read_register("rsp"))


class Frame(gdb.MICommand):
    def invoke(self, argv):
        return {"frame": hex(name_of(gdb.newest_frame()))}


def next_if_time_stamp_read(address):
    try:
        code = bytes(gdb.selected_inferior().read_memory(address, len(RDTSCP)))
    except gdb.MemoryError:
        return 0
    for instruction in (RDTSC, RDTSCP):
        if code.startswith(instruction):
            return address + len(instruction)
    return 0


def level_of(name):
    frame = gdb.newest_frame()
    for level in range(FRAMES_LOOKED_AT):
        if frame is None:
            break
        if name_of(frame) == name:
            return level
        frame = frame.older()
    return -1


class Level(gdb.MICommand):
    def invoke(self, argv):
        return {"level": str(level_of(int(argv[0], 0)))}


class TimeStampRead(gdb.MICommand):
    def invoke(self, argv):
        return {"next": hex(next_if_time_stamp_read(gdb.newest_frame().pc()))}


Faults("-afterimage-faults")
Frame("-afterimage-frame")
Level("-afterimage-level")
TimeStampRead("-afterimage-time-stamp-read")
