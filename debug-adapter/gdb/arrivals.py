# Loaded into gdb before breakpoints.py: places inside an event, counted.
#
# A place is an instruction and how often the event has come to it: the same in every replay of the event. Breakpoints that
# never stop the program count (the user's, and those of trace.py); one that does stops it at the wanted arrival. A change of
# memory is counted, too: it is the event's first, second, .. of that memory. watch.py finds its place.
#
#   PLACE    event="E" address="0x.." arrivals="N"
#   CHANGE   event="E" instruction="0x.." changes="N" memory="0x.." bytes="N"
#
#   -afterimage-clock ADDRESS                 where afterimage_replay is
#   -afterimage-count                         forgets the arrivals at the user's breakpoints
#   -afterimage-arrival NUMBER                -> PLACE of the last one at a breakpoint; CHANGE at one on memory
#   -afterimage-arrive EVENT ADDRESS ARRIVALS -> number="N" of a breakpoint that stops there
#   -afterimage-arrived                       removes it
#   -afterimage-search-start LIMIT            from now on the user's breakpoints do not stop, but remember
#   -afterimage-search-end PASSING            -> found="0"; or found="1", number, and PLACE or CHANGE of the last hit before
#                                                event LIMIT. PASSING 1: not the place where the program stands
import gdb

POSITION_OFFSET = 8
IN_REACT_OFFSET = 48
clock_address = 0
arrivals = {}  # by breakpoint, event, and address if it has one
last_arrival = {}  # by breakpoint: event, address, count
arrival_breakpoint = None
search = None


def replay_word(offset):
    return int.from_bytes(bytes(gdb.selected_inferior().read_memory(clock_address + offset, 8)), "little")


def event_now():
    return 0 if clock_address == 0 else replay_word(POSITION_OFFSET)  # no replay: a program without events


def in_react():
    """Else it is the replayer that runs: it restores memory, or brings the next event."""
    return clock_address == 0 or replay_word(IN_REACT_OFFSET) == 1


def count_arrival(number, counted_at=None):
    event, address = event_now(), gdb.newest_frame().pc()
    count = arrivals[number, event, counted_at] = arrivals.get((number, event, counted_at), 0) + 1
    last_arrival[number] = (event, address, count)


def place(event, address, count):
    return {"event": str(event), "address": hex(address), "arrivals": str(count)}


def is_on_memory(breakpoint):
    return breakpoint.type in (gdb.BP_WATCHPOINT, gdb.BP_HARDWARE_WATCHPOINT)


class Search:
    """The last hits, in the order of their places: the end is enough."""

    def __init__(self, limit):
        self.limit, self.hits = limit, []

    def hit(self, breakpoint):
        arrival = last_arrival[breakpoint.number]
        if arrival[0] >= self.limit:
            return
        later = []
        if is_on_memory(breakpoint):
            later = self.hits[-1:] if self.reported_with(breakpoint, arrival) else []
        elif self.hits and not is_on_memory(self.hits[-1][0]) and self.hits[-1][1] == arrival:
            return  # two breakpoints at one place
        earlier = self.hits[: len(self.hits) - len(later)]
        self.hits = earlier[-2:] + [(breakpoint, arrival)] + later

    def reported_with(self, breakpoint, arrival):
        """The processor reports a change at the instruction behind it, whose own breakpoint gdb reports then, in the order of numbers."""
        return self.stands_at_last(arrival[1]) and self.hits[-1][0].number < breakpoint.number

    def stands_at_last(self, pc):
        """Whether the last hit is at the instruction that comes next."""
        if not self.hits or is_on_memory(self.hits[-1][0]):
            return False
        breakpoint, arrival = self.hits[-1]
        return arrival[1] == pc and last_arrival[breakpoint.number] == arrival

    def last(self, passing):
        standing = passing and self.stands_at_last(gdb.newest_frame().pc())
        hits = self.hits[:-1] if standing else self.hits
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
        number = int(argv[0])
        (breakpoint,) = (each for each in gdb.breakpoints() if each.number == number)
        return breakpoint.described(*last_arrival[number])


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
        if found is None:
            return {"found": "0"}
        breakpoint, arrival = found
        return {"found": "1", "number": str(breakpoint.number), **breakpoint.described(*arrival)}


Clock("-afterimage-clock")
Count("-afterimage-count")
LastArrival("-afterimage-arrival")
Arrive("-afterimage-arrive")
Arrived("-afterimage-arrived")
SearchStart("-afterimage-search-start")
SearchEnd("-afterimage-search-end")
