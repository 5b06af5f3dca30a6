# Loaded into gdb after arrivals.py: which instruction changed a piece of memory last, by the processor's debug registers.
#
# The processor stops behind the instruction that wrote. To stop before it, the program comes by twice: once to learn which
# change is the last and which instruction made it, once more to count how often the event has come to that instruction then.
#
#   -afterimage-watch ADDRESS,.. HITS INSTRUCTION   watches these words of 8 bytes (at most 4), counted from here; stops at
#                                                   change number HITS, or never for 0. Counts the arrivals at INSTRUCTION
#   -afterimage-watched                             ends it -> hits="N", instruction="0x.." of the last one, arrivals="N"
import re

import gdb

watch = None


class Word(gdb.Breakpoint):
    def __init__(self, address):
        super().__init__("*(unsigned long *)%#x" % address, type=gdb.BP_WATCHPOINT, wp_class=gdb.WP_WRITE, internal=True)
        self.silent = True

    def stop(self):
        return watch.changed()


class Instruction(gdb.Breakpoint):
    def __init__(self, address):
        super().__init__("*%#x" % address, internal=True)

    def stop(self):
        watch.arrivals += 1
        return False


class Watch:
    def __init__(self, addresses, wanted, instruction):
        self.wanted, self.hits, self.arrivals, self.last_pc = wanted, 0, 0, 0
        self.breakpoints = [Word(address) for address in addresses]
        if instruction != 0:
            self.breakpoints.append(Instruction(instruction))

    def changed(self):
        self.hits += 1
        self.last_pc = gdb.newest_frame().pc()
        return self.hits == self.wanted

    def end(self):
        for breakpoint in self.breakpoints:
            breakpoint.delete()


def instruction_before(address):
    """Instructions can only be read forward: from the beginning of the function."""
    symbol = re.search(r"\+ (\d+) in section", gdb.execute("info symbol %#x" % (address - 1), to_string=True))
    start = address - 1 - int(symbol.group(1)) if symbol else address - 1
    return gdb.selected_frame().architecture().disassemble(start, address - 1)[-1]["addr"]


class WatchStart(gdb.MICommand):
    def invoke(self, argv):
        global watch
        watch = Watch([int(address, 0) for address in argv[0].split(",")], int(argv[1]), int(argv[2], 0))


class WatchEnd(gdb.MICommand):
    def invoke(self, argv):
        global watch
        ended, watch = watch, None
        ended.end()
        instruction = instruction_before(ended.last_pc) if ended.hits > 0 else 0
        return {"hits": str(ended.hits), "instruction": hex(instruction), "arrivals": str(ended.arrivals)}


WatchStart("-afterimage-watch")
WatchEnd("-afterimage-watched")
