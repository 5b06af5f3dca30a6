# Run by gdb on an executable, without a process: where the members of types are.
#
# Descriptor 3 brings [name, ...]. Descriptor 4 takes one JSON line a type: null when there is no debug information for it, else
# {"bytes": N, "members": [{path, of, type, kind, bit, bits}, ...], "enumerators": {name: value}}. `bit` counts from the beginning of
# the member that this one is a part of, `of` (empty: the whole), so that moving a struct moves no member of it. `kind` is the same for
# types that the same bytes mean the same to.
import json
import os
import sys

import gdb

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cpp_types import find_type  # noqa: E402

RECORDS = (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION)


def plain(type):
    return type.strip_typedefs().unqualified()


def kind(type):
    type = plain(type)
    if type.code == gdb.TYPE_CODE_ARRAY:
        low, high = type.range()
        return "%d x %s" % (high - low + 1, kind(type.target()))
    if type.code == gdb.TYPE_CODE_ENUM:
        return kind(underlying(type))
    if type.code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR):
        return "number %d" % type.sizeof if type.is_signed or type.sizeof == 1 else "unsigned %d" % type.sizeof
    return "%d %d" % (type.code, type.sizeof)


def underlying(enum):
    try:
        return enum.target()
    except RuntimeError:  # of C: nobody has said
        return gdb.lookup_type("unsigned int")


class Layout:
    def __init__(self, type):
        self.members = []
        self.enumerators = {}
        self.walk(type, "", 0)
        self.answer = {"bytes": type.sizeof, "members": self.members, "enumerators": self.enumerators}

    def walk(self, record, of, at):
        for field in plain(record).fields():
            if not hasattr(field, "bitpos"):  # static
                continue
            if field.name and not field.is_base_class:
                self.add(field, of, at + field.bitpos)
            else:  # its members are members of the record
                self.walk(field.type, of, at + field.bitpos)

    def add(self, field, of, bit):
        path = of + "." + field.name if of else field.name
        bits = field.bitsize or 8 * field.type.sizeof
        self.members.append({"path": path, "of": of, "type": str(field.type), "kind": kind(field.type), "bit": bit, "bits": bits})
        inner = plain(field.type)
        while inner.code == gdb.TYPE_CODE_ARRAY:
            inner, path = plain(inner.target()), path + "[]"
        if inner.code in RECORDS:
            self.walk(inner, path, 0)
        if inner.code == gdb.TYPE_CODE_ENUM:
            self.enumerators.update({value.name: value.enumval for value in inner.fields()})


with os.fdopen(3) as question, os.fdopen(4, "w") as answers:
    for name in json.load(question):
        type = find_type(name)
        known = type is not None and plain(type).code in RECORDS
        answers.write(json.dumps(Layout(type).answer if known else None) + "\n")
