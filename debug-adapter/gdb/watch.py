# Loaded into gdb after arrivals.py: which instruction changed a piece of memory, by the processor's debug registers.
#
# The processor stops behind the instruction that wrote. To stop before it, the program comes by twice: once to learn which
# change is the wanted one and which instruction made it, once more to count how often the event has come to that instruction
# then.
#
#   -afterimage-watch MEMORY,.. EVENT CHANGES INSTRUCTION   counts the changes of memory, each 0xADDRESS+BYTES and 4 words of 8
#                                                           bytes at most, from here and by event; stops at this one of EVENT,
#                                                           or never for 0. Counts the arrivals of EVENT at INSTRUCTION
#   -afterimage-watched                                     ends it -> changes="0"; or of the last change changes="N",
#                                                           event="E", instruction="0x.."; and arrivals="N"
import re

import gdb

watch = None


def memory_expression(address, size):
    return "*(unsigned char (*)[%d])%#x" % (size, address)


class Watched(gdb.Breakpoint):
    def __init__(self, address, size):
        super().__init__(memory_expression(address, size), type=gdb.BP_WATCHPOINT, wp_class=gdb.WP_WRITE, internal=True)
        self.silent = True

    def stop(self):
        return in_react() and watch.changed()


class Instruction(gdb.Breakpoint):
    def __init__(self, address):
        super().__init__("*%#x" % address, internal=True)

    def stop(self):
        watch.arrivals += event_now() == watch.event
        return False


class Watch:
    def __init__(self, memory, event, wanted, instruction):
        self.event, self.wanted, self.arrivals = event, wanted, 0
        self.changes = {}  # by event
        self.last = None  # event, instruction behind
        self.breakpoints = [Watched(address, size) for address, size in memory]
        if instruction != 0:
            self.breakpoints.append(Instruction(instruction))

    def changed(self):
        event = event_now()
        self.changes[event] = self.changes.get(event, 0) + 1
        self.last = event, gdb.newest_frame().pc()
        return (event, self.changes[event]) == (self.event, self.wanted)

    def end(self):
        for breakpoint in self.breakpoints:
            breakpoint.delete()


def instruction_before(address):
    """Instructions can only be read forward: from the beginning of the function."""
    symbol = re.search(r"\+ (\d+) in section", gdb.execute("info symbol %#x" % (address - 1), to_string=True))
    start = address - 1 - int(symbol.group(1)) if symbol else address - 1
    return gdb.selected_frame().architecture().disassemble(start, address - 1)[-1]["addr"]


def change(address, size, event, behind, count):
    found = {"event": str(event), "instruction": hex(instruction_before(behind)), "changes": str(count)}
    return {**found, "memory": hex(address), "bytes": str(size)}


class WatchStart(gdb.MICommand):
    def invoke(self, argv):
        global watch
        memory = [[int(number, 0) for number in each.split("+")] for each in argv[0].split(",")]
        watch = Watch(memory, *(int(argument, 0) for argument in argv[1:]))


class WatchEnd(gdb.MICommand):
    def invoke(self, argv):
        global watch
        ended, watch = watch, None
        ended.end()
        arrivals = {"arrivals": str(ended.arrivals)}
        if ended.last is None:
            return {"changes": "0", **arrivals}
        event, behind = ended.last
        found = {"event": str(event), "instruction": hex(instruction_before(behind))}
        return {"changes": str(ended.changes[event]), **found, **arrivals}


WatchStart("-afterimage-watch")
WatchEnd("-afterimage-watched")
