# Loaded into gdb after arrivals.py: which line began last, before the place where the program stands.
#
# "Last" as a user means it who steps over calls: in this call of the function, or else in what called it. First the
# function and its caller are looked at; then the event is replayed with a breakpoint on each beginning of a line in the
# two, which writes down and never stops. Lines that follow each other and are the same count as one, as for `next`.
#
#   -afterimage-trace-plan EVENT LEVEL UNIT   looks at frame LEVEL, for an UNIT of line or instruction; -> caller="1" if one
#                                             of the user's functions called it
#   -afterimage-trace-start                   begins to write down
#   -afterimage-trace-end PASSING             -> found="0"; or found="1", address, arrivals. PASSING 1: before the place where
#                                             the program stands; 0: the last of all
import os
import re

import gdb

ROW = re.compile(r"^\d+\s+(\d+)\s+(0x[0-9a-f]+)(?:\s+0x[0-9a-f]+)?\s+Y", re.MULTILINE)
INFRASTRUCTURE = re.compile(r"^(non-virtual thunk to )?(afterimage::|afterimage_)")
RUNS_KEPT = 4
trace = None


def is_infrastructure(frame):
    library = os.path.basename(gdb.solib_name(frame.pc()) or "")
    return library.startswith("libafterimage") or bool(INFRASTRUCTURE.match(frame.name() or ""))


def with_body(frame):
    """The frames of one call: this one, and those that it was inlined into."""
    frames = [frame]
    while frames[-1].type() == gdb.INLINE_FRAME:
        frames.append(frames[-1].older())
    return frames


def end_of_frame(frame):
    caller = with_body(frame)[-1].older()
    return 0 if caller is None else int(caller.read_register("rsp"))


def inlining_at(address):
    """The functions whose code an address is, from the outermost to the innermost inlined."""
    chain, block = [], gdb.block_for_pc(address)
    while block is not None and not block.is_static and not block.is_global:
        if block.function is not None:
            chain.append((block.start, block.end, block.function.name))
        block = block.superblock
    return chain[::-1]


class View:
    """A call, and the places at which a unit of it begins."""

    def __init__(self, frame, unit):
        frames = with_body(frame)
        address = frame.pc() if frame.level() == 0 else frame.pc() - 1
        self.chain = inlining_at(address)[: len(frames)]
        self.cfa = end_of_frame(frame)
        self.by_instruction = unit == "instruction"
        self.names = {}
        start, end = self.chain[0][:2]
        self.entry = int(frames[-1].function().value().address) if frames[-1].function() else start
        self.starts = self.instructions(start, end) if self.by_instruction else self.lines(frames, start, end)

    def instructions(self, start, end):
        architecture = gdb.selected_inferior().architecture()
        return {instruction["addr"] for instruction in architecture.disassemble(start, end - 1)}

    def lines(self, frames, start, end):
        files = {sal.symtab.filename for sal in (frame.find_sal() for frame in frames) if sal.symtab}
        lines = {}  # by address
        for file in files:
            table = gdb.execute("maintenance info line-table " + re.escape(file), to_string=True)
            for line, address in ((int(line), int(address, 16)) for line, address in ROW.findall(table)):
                if line != 0 and start <= address < end:
                    lines.setdefault(address, set()).add(line)
        # Stepping into a function ends behind its prologue, which bears the line of its name.
        function = frames[-1].function()
        if function and lines.get(self.entry) == {function.line}:
            del lines[self.entry]
        return {address for address in lines if inlining_at(address)[:1] == self.chain[:1]}

    def name(self, address):
        """What has begun at an address, told from what goes on being the same."""
        if self.by_instruction:
            return address
        if address not in self.names:
            self.names[address] = self.line_at(address)
        return self.names[address]

    def line_at(self, address):
        frames = with_body(gdb.newest_frame())[::-1]
        common = os.path.commonprefix([inlining_at(address), self.chain])
        sal = frames[min(len(common), len(frames)) - 1].find_sal()
        return (sal.symtab.filename if sal.symtab else "", sal.line)


class Trace:
    def __init__(self, event, level, unit):
        frame = gdb.newest_frame()
        for _ in range(level):
            frame = frame.older()
        self.event = event
        self.views = [View(frame, unit)]
        self.is_top = level == 0
        caller = with_body(frame)[-1].older()
        while caller is not None and not is_infrastructure(caller) and not caller.find_sal().line:
            caller = caller.older()
        if caller is not None and not is_infrastructure(caller):
            self.views.append(View(caller, unit))
        self.breakpoints, self.counts, self.runs = [], {}, []

    def start(self):
        addresses = {self.views[0].entry}.union(*(view.starts for view in self.views))
        self.breakpoints = [StartBreakpoint(address, self) for address in sorted(addresses)]

    def hit(self, address):
        if event_now() != self.event:
            return
        self.counts[address] = self.counts.get(address, 0) + 1
        cfa = end_of_frame(gdb.newest_frame())
        for index, view in enumerate(self.views):
            if view.cfa != cfa:
                continue
            if index == 0 and address == view.entry:  # what is known is of an earlier call from the same place
                self.runs = [run for run in self.runs if run[0] != 0]
            if address in view.starts:
                self.begin((index, view.name(address), address, self.counts[address]))

    def begin(self, run):
        if self.runs and self.runs[-1][:2] == run[:2]:
            return
        self.runs.append(run)
        if len(self.runs) > 8 * RUNS_KEPT:
            inner = [run for run in self.runs if run[0] == 0][-RUNS_KEPT:]
            outer = [run for run in self.runs if run[0] == 1][-RUNS_KEPT:]
            self.runs = [run for run in self.runs if run in inner or run in outer]

    def end(self, passing):
        for breakpoint in self.breakpoints:
            breakpoint.delete()
        runs = list(self.runs)
        if passing and runs and self.is_top:
            _, _, address, count = runs[-1]
            if address == gdb.newest_frame().pc() and count == self.counts[address]:
                runs.pop()  # it has only just begun
        return runs[-1][2:] if runs else None


class StartBreakpoint(gdb.Breakpoint):
    def __init__(self, address, owner):
        super().__init__("*%#x" % address, internal=True)
        self.address, self.owner = address, owner

    def stop(self):
        self.owner.hit(self.address)
        return False


class TracePlan(gdb.MICommand):
    def invoke(self, argv):
        global trace
        try:
            trace = Trace(int(argv[0]), int(argv[1]), argv[2])
        except (gdb.error, IndexError, AttributeError) as problem:
            raise gdb.GdbError("the lines of this function are not known (%s)" % problem)
        return {"caller": "1" if len(trace.views) > 1 else "0"}


class TraceStart(gdb.MICommand):
    def invoke(self, argv):
        trace.start()


class TraceEnd(gdb.MICommand):
    def invoke(self, argv):
        found = trace.end(argv[0] == "1")
        return {"found": "0"} if found is None else {"found": "1", "address": hex(found[0]), "arrivals": str(found[1])}


TracePlan("-afterimage-trace-plan")
TraceStart("-afterimage-trace-start")
TraceEnd("-afterimage-trace-end")
