# Run by gdb on an executable, without a process: where members of C++ types are.
#
# Descriptor 3 brings [{"type": name, "field": "a.b"}, ...]. Descriptor 4 takes one JSON line a question: {"from": F, "end": E} in
# bytes, or {"error": why not}.
import json
import os
import re

import gdb


def find_type(name):
    """The demangler writes template arguments as 3ul, the debug information as 3."""
    for spelling in (name, re.sub(r"\b(\d+)(?:ul|u|l)\b", r"\1", name)):
        try:
            return gdb.lookup_type(spelling)
        except gdb.error:
            pass
    raise ValueError("the program's debug information has no type " + name)


def answer(question):
    try:
        whole = gdb.Value(0).cast(find_type(question["type"]).pointer()).dereference()
        member = whole
        for name in question["field"].split("."):
            member = member[name]
        begin = int(member.address)
        return {"from": begin, "end": begin + member.type.sizeof}
    except (gdb.error, ValueError, TypeError) as error:
        return {"error": str(error)}


with os.fdopen(3) as questions, os.fdopen(4, "w") as answers:
    for question in json.load(questions):
        answers.write(json.dumps(answer(question)) + "\n")
