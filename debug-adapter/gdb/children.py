# Loaded into gdb after values.py: what is inside a value, a page at a time.
#
# gdb's own variable objects walk a container from its first element for every page and show neither
# summaries nor the number of elements. Here every value that was shown and can be opened is kept as a
# node with an id; opening it again asks for elements start .. start+count, and the iterator of the page
# before is kept, so that reading on costs only what is new.
#
#   -afterimage-locals LEVEL                   arguments and locals of a frame
#   -afterimage-evaluate LEVEL EXPR [FORMAT]   one value (LEVEL -1: no particular frame)
#   -afterimage-children ID START COUNT        the inside of a value
#   -afterimage-registers LEVEL
#   -afterimage-command LEVEL TEXT             a console command that only looks
#   -afterimage-forget                         the program ran: all ids are void
import itertools
import time

import gdb

ELEMENTS_PER_PAGE = 1000  # the most one request may ask for
UNKNOWN_LENGTH = 10000  # containers that do not know their length are counted up to this
SECONDS_PER_REQUEST = 8.0

nodes = {}
node_ids = itertools.count(1)


class Node:
    """A value that was shown and can be opened."""

    def __init__(self, value, path):
        self.value = value
        self.path = path  # a C++ expression for it, or ""
        self.iterator = None  # left over from the page before
        self.next_index = 0


class Budget:
    """Stops a request that takes too long, such as element 5,000,000 of a map."""

    def __init__(self):
        self.deadline = time.monotonic() + SECONDS_PER_REQUEST

    def check(self):
        if time.monotonic() > self.deadline:
            raise gdb.GdbError("reading these elements took more than %d seconds" % SECONDS_PER_REQUEST)


# ---- the inside of a value ---------------------------------------------------------------------


def pairs(printer):
    """Printers of maps yield keys and values in turn."""
    entries = iter(printer.children())
    for (_, key), (_, value) in zip(entries, entries):
        yield key, (as_value(value), "")


def elements(printer):
    for name, value in printer.children():
        yield name, (as_value(value), "")


def length_of(value, printer):
    """Elements of what is shown with an index; None when it has names instead."""
    if printer is None:
        array = plain_array(value)
        if array is None:
            return None
        low, high = array.type.strip_typedefs().range()
        return high - low + 1
    if not hasattr(printer, "children"):
        return None
    head = printer.to_string() if hasattr(printer, "to_string") else None
    known = counted(head) if isinstance(head, str) else None
    if known is not None or hint_of(printer) not in ("map", "array"):
        return known if known is not None else unknown_length(printer)
    return sum(1 for _ in itertools.islice(printer.children(), UNKNOWN_LENGTH)) // (2 if hint_of(printer) == "map" else 1)


def unknown_length(printer):
    """Lists give neither length nor hint; their children are named [0], [1], ..."""
    first = next(iter(printer.children()), None)
    if first is None or first[0] != "[0]":
        return None
    return sum(1 for _ in itertools.islice(printer.children(), UNKNOWN_LENGTH))


def direct_elements(value, start, path):
    """Arrays and vectors are opened at `start` without walking there; None for everything else."""
    array = plain_array(value)
    if array is not None:
        low, high = array.type.strip_typedefs().range()
        return (("[%d]" % i, (array[i], "%s[%d]" % (path, i) if path else "")) for i in range(low + start, high + 1))
    if not str(value.type.strip_typedefs().unqualified()).startswith("std::vector<"):
        return None
    begin, end = value["_M_impl"]["_M_start"], value["_M_impl"]["_M_finish"]
    if code_of(begin) != gdb.TYPE_CODE_PTR:
        return None  # vector<bool> has bit iterators
    return (("[%d]" % i, ((begin + i).dereference(), "")) for i in range(start, int(end - begin)))


def inside(value, path):
    """All (name, (value, expression)) in a value, lazily."""
    printer = gdb.default_visualizer(value)
    if printer is not None and hasattr(printer, "children"):
        return pairs(printer) if hint_of(printer) == "map" else elements(printer)
    if code_of(value) in POINTERS:
        target = settle(pointee(value))
        if code_of(target) in RECORDS and gdb.default_visualizer(target) is None:
            return fields_of(target, path + "->" if path else "")
        if code_of(target) in RECORDS:
            return inside(target, "")
        return iter([("*" + path if path else "*", (target, "*%s" % path if path else ""))])
    return fields_of(value, path + "." if path else "")


def openable(value):
    """(can be opened, number of elements or None)."""
    if value.is_optimized_out:
        return False, None
    if code_of(value) in POINTERS and gdb.default_visualizer(value) is None:
        target = pointee(value)
        if target is None:
            return False, None
        target = settle(target)
        return (True, None) if code_of(target) not in RECORDS else openable(target)
    printer = gdb.default_visualizer(value)
    length = length_of(value, printer)
    if length is not None:
        return length > 0 and not is_text(value), length
    if printer is not None:
        return hasattr(printer, "children") and next(iter(printer.children()), None) is not None, None
    return code_of(value) in RECORDS and any(True for _ in fields_of(value, "")), None


def is_text(value):
    return code_of(value) == gdb.TYPE_CODE_ARRAY and is_text_type(value.type.strip_typedefs().target())


def shown(name, value, path, display=None):
    """What the debug adapter gets to know about a value."""
    try:
        value = value if path is BASE else settle(value)
        can_open, length = openable(value)
    except gdb.error:
        can_open, length = False, None
    address = value.address
    return {
        "name": name,
        "value": summary(value, 1, display),
        "type": short_type(str(value.type)),
        "id": remember(value, path) if can_open else 0,
        "length": length if can_open and length is not None else -1,
        "address": "0x%x" % int(address) if address is not None else "",
        "expression": path or "",
    }


def remember(value, path):
    identifier = next(node_ids)
    nodes[identifier] = Node(value, path or "")
    return identifier


def label(name):
    """Keys of a map are values, everything else has a name already."""
    return "[%s]" % summary(settle(name), 1) if isinstance(name, gdb.Value) else str(name)


def page(node, start, count):
    budget = Budget()
    value = node.value
    if code_of(value) in POINTERS and gdb.default_visualizer(value) is None:
        target = settle(pointee(value))
        if code_of(target) in RECORDS:
            value = target
    iterator = direct_elements(value, start, node.path)
    if iterator is None:
        iterator = walk_to(node, start, budget)
    children = []
    for name, (child, path) in itertools.islice(iterator, count):
        children.append(shown(label(name), child, path))
        budget.check()
    node.iterator, node.next_index = iterator, start + len(children)
    return children


def walk_to(node, start, budget):
    if node.iterator is not None and node.next_index == start:
        return node.iterator
    iterator = inside(node.value, node.path)
    for skipped in range(start):
        if next(iterator, None) is None:
            break
        if skipped % 256 == 0:
            budget.check()
    return iterator


# ---- the MI commands ---------------------------------------------------------------------------


def select(level):
    if level >= 0:
        gdb.execute("frame %d" % level, to_string=True)


def variables_of(frame):
    """Arguments first, then locals from the inside out; an outer one of the same name is hidden by C++, too."""
    seen, arguments, others = set(), [], []
    block = frame.block()
    while block is not None:
        for symbol in block:
            if symbol.name in seen or not (symbol.is_argument or symbol.is_variable):
                continue
            seen.add(symbol.name)
            (arguments if symbol.is_argument else others).append(symbol)
        if block.function is not None:
            break
        block = block.superblock
    return arguments + others


def show_symbol(symbol, frame):
    try:
        return shown(symbol.name, symbol.value(frame), symbol.name)
    except gdb.error as problem:
        return {"name": symbol.name, "value": "<%s>" % problem, "type": short_type(str(symbol.type)),
                "id": 0, "length": -1, "address": "", "expression": ""}


class Looking(gdb.MICommand):
    """Refuses what could change the program, and passes on gdb's own words when something cannot be read."""

    def invoke(self, argv):
        try:
            with looking_only():
                return self.answer(argv)
        except gdb.error as problem:
            raise gdb.GdbError(str(problem))


class Locals(Looking):
    def answer(self, argv):
        select(int(argv[0]))
        frame = gdb.selected_frame()
        try:
            symbols = variables_of(frame)
        except RuntimeError:
            symbols = []  # no debug information for this frame
        return {"children": [show_symbol(symbol, frame) for symbol in symbols]}


class Evaluate(Looking):
    def answer(self, argv):
        select(int(argv[0]))
        refuse_register_writes(argv[1])
        value = gdb.parse_and_eval(argv[1])
        return {"result": shown(argv[1], value, "(%s)" % argv[1], argv[2] if len(argv) > 2 else None)}


class Children(Looking):
    def answer(self, argv):
        node = nodes.get(int(argv[0]))
        if node is None:
            raise gdb.GdbError("the program has moved on since this value was shown")
        return {"children": page(node, int(argv[1]), min(int(argv[2]), ELEMENTS_PER_PAGE))}


class Registers(Looking):
    def answer(self, argv):
        select(int(argv[0]))
        frame = gdb.selected_frame()
        registers = frame.architecture().registers("general")
        return {"children": [shown(r.name, frame.read_register(r.name), "$" + r.name) for r in registers]}


class Command(Looking):
    def answer(self, argv):
        select(int(argv[0]))
        refuse_register_writes(argv[1])
        return {"text": gdb.execute(argv[1], to_string=True)}


class Forget(Looking):
    def answer(self, argv):
        nodes.clear()


def register_commands():
    gdb.execute("set may-call-functions off")
    Locals("-afterimage-locals")
    Evaluate("-afterimage-evaluate")
    Children("-afterimage-children")
    Registers("-afterimage-registers")
    Command("-afterimage-command")
    Forget("-afterimage-forget")


register_commands()
