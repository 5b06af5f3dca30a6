# Loaded into gdb after children.py and arrivals.py: the user's breakpoints.
#
# Condition, hit count and log message are all decided here, inside gdb, so that a breakpoint which does not stop
# does not disturb a step that is under way, and so that a condition cannot change the program (`if (x = 3)`).
#
# Optimised code has lines without a place for a breakpoint, although they look like code; then the next line that has one
# serves, if it is near.
#
#   -afterimage-break source FILE LINE CONDITION HITS LOG        -> number="N"
#   -afterimage-break function NAME 0 CONDITION HITS LOG         -> number="N"
#   -afterimage-break instruction ADDRESS 0 CONDITION HITS LOG   -> number="N"
#   -afterimage-break memory ADDRESS BYTES CONDITION HITS ""      -> number="N": behind the instruction that changes it inside
#                                                                react(), by the processor's debug registers
#
# HITS is a number (stop at that hit and at every later one) or an operator with a number: == >= > <= < %.
# LOG may contain {expressions}. A log line is written to gdb's console as \x1e and a JSON string.
import json
import operator
import re

import gdb

LINES_TRIED = 4
LOG_MARK = "\x1e"
HITS = re.compile(r"^\s*(==|=|>=|>|<=|<|%)?\s*(\d+)\s*$")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
OPERATORS = {
    None: operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "%": lambda hits, number: number > 0 and hits % number == 0,
}


def say(text):
    gdb.write(LOG_MARK + json.dumps(text) + "\n")


def looked_up(expression):
    refuse_register_writes(expression)
    with looking_only():
        return settle(gdb.parse_and_eval(expression))


def is_met(condition):
    """None where nobody can tell: then a breakpoint stops and says so, but not while one searches."""
    try:
        return not condition or bool(looked_up(condition))
    except gdb.error as problem:
        if search is None:
            say('The condition "%s" cannot be evaluated: %s.' % (condition, problem))
        return None


def interpolated(match):
    try:
        value = looked_up(match.group(1))
    except gdb.error as problem:
        return "<%s>" % problem
    text = summary(value)
    # A string in a sentence needs no quotes.
    return text[1:-1] if text.startswith('"') and text.endswith('"') else text


def parsed_hits(text):
    found = HITS.match(text)
    if not found:
        raise gdb.GdbError('"%s" is not a hit count: give a number, or one of == >= > <= < %% and a number' % text)
    return OPERATORS[found.group(1)], int(found.group(2))


class UserBreakpoint(gdb.Breakpoint):
    def __init__(self, place, condition, hits, log):
        super().__init__(**place)
        self.wanted, self.hits, self.log, self.seen = condition, hits, log, 0

    def described(self, *arrival):
        return place(*arrival)

    def stop(self):
        count_arrival(self.number, gdb.newest_frame().pc())
        wanted = is_met(self.wanted)
        if not wanted:
            return wanted is None and search is None
        if search is not None:  # going back: it stops where it would have stopped without counting
            if not self.log:
                search.hit(self)
            return False
        self.seen += 1
        if self.hits and not self.hits[0](self.seen, self.hits[1]):
            return False
        if self.log:
            say(PLACEHOLDER.sub(interpolated, self.log))
            return False
        return True


class MemoryBreakpoint(gdb.Breakpoint):
    def __init__(self, address, size, condition, hits):
        super().__init__(memory_expression(address, size), type=gdb.BP_WATCHPOINT, wp_class=gdb.WP_WRITE)
        self.memory, self.size = address, size
        self.wanted, self.hits, self.seen = condition, hits, 0

    def described(self, *arrival):
        return change(self.memory, self.size, *arrival)

    def stop(self):
        if not in_react():
            return False
        count_arrival(self.number)
        wanted = is_met(self.wanted)
        if not wanted:
            return wanted is None and search is None
        if search is not None:
            search.hit(self)
            return False
        self.seen += 1
        return not self.hits or self.hits[0](self.seen, self.hits[1])


class Break(gdb.MICommand):
    def invoke(self, argv):
        kind, where, line, condition, hits, log = argv
        what = (condition, parsed_hits(hits) if hits else None, log)
        try:
            breakpoint = made(kind, where, int(line), what)
        except gdb.error as problem:
            raise gdb.GdbError(str(problem))
        return {"number": breakpoint.number}


def made(kind, where, number, what):
    if kind == "memory":
        return MemoryBreakpoint(int(where, 0), number, *what[:2])
    if kind == "source":
        return near_line(where, number, what)
    return UserBreakpoint({"function": where} if kind == "function" else {"spec": "*" + where}, *what)


def near_line(file, line, what):
    for tried in range(line, line + LINES_TRIED):
        breakpoint = UserBreakpoint({"source": file, "line": tried}, *what)
        if not breakpoint.pending:
            return breakpoint
        breakpoint.delete()
    return UserBreakpoint({"source": file, "line": line}, *what)  # a library that is loaded later may have it


Break("-afterimage-break")
