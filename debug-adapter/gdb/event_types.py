# Loaded into gdb before decode_payloads.py, or after children.py: the bytes of a recorded event as a value of its C++ type.
#
#   -afterimage-payload TYPE HEX     -> text="as gdb prints it, a member a line" (only where children.py is loaded)
import os
import sys

import gdb

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cpp_types import find_type  # noqa: E402


def payload_value(type, name, raw):
    if type is None:
        raise gdb.GdbError(f"the executable has no debug information for {name}")
    if type.sizeof != len(raw):
        raise gdb.GdbError(f"{name} has {type.sizeof} bytes in the executable, {len(raw)} were recorded")
    return gdb.Value(raw, type)


if "Looking" in globals():

    class Payload(Looking):
        def answer(self, argv):
            value = payload_value(find_type(argv[0]), argv[0], bytes.fromhex(argv[1]))
            return {"text": value.format_string(pretty_structs=True, max_elements=200, repeat_threshold=10)}

    Payload("-afterimage-payload")
