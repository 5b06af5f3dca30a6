# Run by gdb on an executable, without a process: where members of C++ types are.
#
# Descriptor 3 brings [{"type": name, "field": "a.b"}, ...]. Descriptor 4 takes one JSON line a question: {"from": F, "end": E} in
# bytes, or {"error": why not}.
import json
import os
import sys

import gdb

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cpp_types import find_type  # noqa: E402


def answer(question):
    try:
        type = find_type(question["type"])
        if type is None:
            raise ValueError("the program's debug information has no type " + question["type"])
        whole = gdb.Value(0).cast(type.pointer()).dereference()
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
