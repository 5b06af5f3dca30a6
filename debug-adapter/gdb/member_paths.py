# For check.py: which member of a reactor a word of its heap is.
#
# The reactor is walked from its object: members, elements of containers (by gdb's pretty printers), and what pointers into the
# heap lead to, as what their virtual table says. What is inside of a type of the C++ library, but none of its elements, is told
# as that type's own.
import bisect
import itertools
import re
import struct

import gdb
from code_places import symbol_at
from cpp_types import find_type
from values import short_type

MOST_VALUES = 200000  # of one reactor; a large one is walked as far as that
MOST_ELEMENTS = 2000  # of one container
BYTES_OF_UNKNOWN_BLOCK = 64  # so much is looked at of what a pointer leads to that does not say what is there
FARTHEST_BACK = 4000  # values that begin before an address and may still contain it
RECORDS = (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION)
REFERENCES = (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF)
NUMBERS = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_FLT, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_CHAR)


def is_of_the_library(type):
    return (type.name or "").startswith(("std::", "__gnu_cxx::"))


def as_what_it_is(value):
    """An object by its virtual table: pointers know only its base."""
    if not has_virtual_table(value.type.strip_typedefs()):
        return value
    table = int(gdb.Value(int(value.address)).cast(gdb.lookup_type("unsigned long").pointer()).dereference())
    name, offset = symbol_at(table)
    type = find_type(name[len("vtable for "):]) if name is not None and name.startswith("vtable for ") and offset == 16 else None
    return value.address.cast(type.pointer()).dereference() if type is not None else value


def name_of_type(type):
    """As the user writes it: not by a name that the C++ library has for itself."""
    if str(type).startswith("std::__"):
        type = type.target().strip_typedefs().pointer() if type.code == gdb.TYPE_CODE_PTR else type.strip_typedefs()
    return short_type(str(type))


def has_virtual_table(type):
    return any((field.name or "").startswith("_vptr") or (field.is_base_class and has_virtual_table(field.type)) for field in type.fields())


class Members:
    """Every value that can be reached: begin, end, path, type, and whether it is a number."""

    def __init__(self, object_address, type, in_heap):
        self.in_heap = in_heap
        self.found = []
        self.opaque = {}  # address: (path, type) of the pointer to it that does not say what is there
        self.visited = set()
        self.waiting = [(gdb.Value(object_address).cast(type.pointer()).dereference(), "", None)]
        for value, path, owner in self.take():
            try:
                self.visit(value, path, owner)
            except Exception:  # half of it may be unreadable, and the printers are other people's
                continue
        self.is_complete = not self.waiting
        self.found.sort(key=lambda entry: entry[0])  # stable: what was visited first comes first
        self.begins = [entry[0] for entry in self.found]

    def take(self):
        while self.waiting and len(self.found) < MOST_VALUES:
            waiting, self.waiting = self.waiting, []
            yield from waiting

    def visit(self, value, path, owner):
        """`owner`: the name of the library's type that this is a part of."""
        type = value.type.strip_typedefs()
        if value.address is None:  # a pretty printer has computed it: only where it leads to is in memory
            return self.follow(value, type, path) if type.code == gdb.TYPE_CODE_PTR else None
        begin = int(value.address)
        if not self.in_heap(begin) or (begin, str(type), owner) in self.visited:
            return
        self.visited.add((begin, str(type), owner))
        self.found.append((begin, begin + type.sizeof, path, owner or name_of_type(value.type), type.code in NUMBERS))
        if type.code in RECORDS:
            self.visit_record(value, type, path, owner)
        elif type.code == gdb.TYPE_CODE_ARRAY:
            low, high = type.range()
            for i in range(low, min(high, low + MOST_ELEMENTS) + 1):
                self.waiting.append((value[i], "%s[%d]" % (path, i), owner))
        elif type.code == gdb.TYPE_CODE_PTR and owner is None:
            self.follow(value, type, path)
        elif type.code == gdb.TYPE_CODE_PTR and self.in_heap(int(value)):
            self.opaque.setdefault(int(value), (path, owner))
        elif type.code in REFERENCES and owner is None:
            self.waiting.append((value.referenced_value(), path, None))

    def visit_record(self, value, type, path, owner):
        if owner is None and is_of_the_library(type):
            owner = short_type(str(value.type))
            self.visit_elements(value, path)
        for field in type.fields():
            if not hasattr(field, "bitpos"):  # static
                continue
            is_named = field.name and not field.is_base_class and owner is None
            name = path if not is_named else "%s.%s" % (path, field.name) if path else field.name
            self.waiting.append((value[field], name, owner))

    def visit_elements(self, value, path):
        printer = gdb.default_visualizer(value)
        if printer is None or not hasattr(printer, "children"):
            return
        is_map = hasattr(printer, "display_hint") and printer.display_hint() == "map"
        try:
            for index, (name, child) in enumerate(itertools.islice(printer.children(), MOST_ELEMENTS)):
                if isinstance(child, gdb.Value):
                    self.waiting.append((child, path + self.label(str(name), index, is_map), None))
        except Exception:
            return

    @staticmethod
    def label(name, index, is_map):
        if is_map:
            return "[%d].%s" % (index // 2, "second" if index % 2 else "first")
        return name if re.fullmatch(r"\[\d+\]", name) else ""

    def follow(self, value, type, path):
        target = type.target().strip_typedefs()
        if not self.in_heap(int(value)) or target.code == gdb.TYPE_CODE_FUNC:
            return
        if target.code == gdb.TYPE_CODE_VOID:
            self.opaque.setdefault(int(value), (path, short_type(str(value.type))))
            return
        pointee = value.dereference()
        self.waiting.append((as_what_it_is(pointee) if target.code in RECORDS else pointee, path, None))

    def at(self, address):
        """(begin, end, path, type, is a number) of the smallest value that has the address."""
        index = bisect.bisect_right(self.begins, address)
        around = [entry for entry in self.found[max(0, index - FARTHEST_BACK):index] if address < entry[1]]
        return min(around, key=lambda entry: entry[1] - entry[0], default=None)

    def any_in(self, begin, end):
        return bisect.bisect_left(self.begins, begin) < bisect.bisect_left(self.begins, end)

    def members_behind(self, blocks):
        """For blocks whose type nobody knows, as closures in a std::function, the member through which they are reached."""
        blocks = sorted(blocks)
        begins = [begin for begin, _ in blocks]
        behind, seen, waiting = {}, set(), list(self.opaque.items())
        while waiting and len(seen) < MOST_VALUES:
            address, member = waiting.pop(0)
            index = bisect.bisect_right(begins, address) - 1
            begin, bytes = blocks[index] if index >= 0 and address < sum(blocks[index]) else (address, BYTES_OF_UNKNOWN_BLOCK)
            if begin in seen or self.any_in(begin, begin + 1):
                continue
            seen.add(begin)
            behind[begin] = member
            waiting += [(word, member) for word in words_at(begin, bytes) if self.in_heap(word)]
        return behind

    def place(self, address, block, bytes, behind):
        """What `afterimage check` says of a word in a block; None when nothing that is reached leads there."""
        entry = self.at(address)
        if entry is not None:
            return {"path": entry[2], "type": entry[3], "use": "number" if entry[4] else "pointer"}
        if self.any_in(block, block + bytes):
            return {"path": "", "type": "", "use": "spare"}
        path, type = behind.get(block, (None, None))
        return None if path is None else {"path": path, "type": type, "use": "behind"}


def words_at(address, bytes):
    try:
        memory = gdb.selected_inferior().read_memory(address, bytes // 8 * 8).tobytes()
    except gdb.MemoryError:
        return ()
    return struct.unpack("<%dQ" % (bytes // 8), memory)
