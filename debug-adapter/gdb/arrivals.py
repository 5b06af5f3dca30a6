# Loaded into gdb before breakpoints.py: places inside an event, counted.
#
# A place is an instruction and how often the event has come to it: the same in every replay of the event. Breakpoints that
# never stop the program count (the user's, and those of trace.py); one that does stops it at the wanted arrival.
#
#   -afterimage-clock ADDRESS                 where afterimage_replay is
#   -afterimage-count                         forgets the arrivals at the user's breakpoints
#   -afterimage-arrival NUMBER                -> event="E" address="0x.." arrivals="N": the last one at a breakpoint
#   -afterimage-arrive EVENT ADDRESS ARRIVALS -> number="N" of a breakpoint that stops there
#   -afterimage-arrived                       removes it
#   -afterimage-search-start LIMIT            from now on the user's breakpoints do not stop, but remember
#   -afterimage-search-end PASSING            -> found="0"; or found="1", and number, event, address, arrivals of the last hit
#                                                before event LIMIT. PASSING 1: not the hit at which the program stands
import gdb

POSITION_OFFSET = 8
clock_address = 0
arrivals = {}  # by breakpoint, event, address
last_arrival = {}  # by breakpoint
arrival_breakpoint = None
search = None


def event_now():
    if clock_address == 0:
        return 0  # no replay: a program without events
    return int.from_bytes(bytes(gdb.selected_inferior().read_memory(clock_address + POSITION_OFFSET, 8)), "little")


def count_arrival(number):
    event, address = event_now(), gdb.newest_frame().pc()
    count = arrivals[number, event, address] = arrivals.get((number, event, address), 0) + 1
    last_arrival[number] = (event, address, count)


def place(event, address, count):
    return {"event": str(event), "address": hex(address), "arrivals": str(count)}


class Search:
    def __init__(self, limit):
        self.limit, self.hits = limit, []

    def hit(self, number):
        if last_arrival[number][0] < self.limit:
            self.hits = self.hits[-1:] + [(number, last_arrival[number])]

    def last(self, passing):
        hits = list(self.hits)
        here = gdb.newest_frame().pc() if passing else None
        # The last arrival at the instruction at which the program stands is its own.
        while hits and hits[-1][1][1] == here and last_arrival[hits[-1][0]] == hits[-1][1]:
            hits.pop()
        return hits[-1] if hits else None


class ArrivalBreakpoint(gdb.Breakpoint):
    def __init__(self, event, address, wanted):
        super().__init__("*%#x" % address, internal=True)
        self.event, self.wanted, self.seen = event, wanted, 0

    def stop(self):
        self.seen += event_now() == self.event
        return self.seen == self.wanted


class Clock(gdb.MICommand):
    def invoke(self, argv):
        global clock_address
        clock_address = int(argv[0], 0)


class Count(gdb.MICommand):
    def invoke(self, argv):
        arrivals.clear()
        last_arrival.clear()


class LastArrival(gdb.MICommand):
    def invoke(self, argv):
        return place(*last_arrival[int(argv[0])])


class Arrive(gdb.MICommand):
    def invoke(self, argv):
        global arrival_breakpoint
        arrival_breakpoint = ArrivalBreakpoint(*(int(argument, 0) for argument in argv))
        return {"number": str(arrival_breakpoint.number)}


class Arrived(gdb.MICommand):
    def invoke(self, argv):
        global arrival_breakpoint
        arrival_breakpoint.delete()
        arrival_breakpoint = None


class SearchStart(gdb.MICommand):
    def invoke(self, argv):
        global search
        arrivals.clear()
        search = Search(int(argv[0]))


class SearchEnd(gdb.MICommand):
    def invoke(self, argv):
        global search
        found, search = search.last(argv[0] == "1"), None
        return {"found": "0"} if found is None else {"found": "1", "number": str(found[0]), **place(*found[1])}


Clock("-afterimage-clock")
Count("-afterimage-count")
LastArrival("-afterimage-arrival")
Arrive("-afterimage-arrive")
Arrived("-afterimage-arrived")
SearchStart("-afterimage-search-start")
SearchEnd("-afterimage-search-end")
