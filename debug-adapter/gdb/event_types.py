# Loaded into gdb before decode_payloads.py, or after children.py: the bytes of a recorded event as a value of its C++ type.
#
#   -afterimage-payload TYPE HEX     -> text="as gdb prints it, a member a line" (only where children.py is loaded)
import re

import gdb


def find_type(name):
    """The demangler writes template arguments as 3ul, the debug information as 3."""
    for spelling in (name, re.sub(r"\b(\d+)(?:ul|u|l)\b", r"\1", name)):
        try:
            return gdb.lookup_type(spelling)
        except gdb.error:
            pass
    return None


def payload_value(type, name, raw):
    if type is None:
        raise gdb.GdbError(f"the executable has no debug information for {name}")
    if type.sizeof != len(raw):
        raise gdb.GdbError(f"{name} has {type.sizeof} bytes in the executable, {len(raw)} were recorded")
    return gdb.Value(raw, type)


if "Looking" in globals():

    class Payload(Looking):
        def answer(self, argv):
            gdb.execute("set print null-stop on")  # a char array ends at its first zero
            try:
                value = payload_value(find_type(argv[0]), argv[0], bytes.fromhex(argv[1]))
                return {"text": value.format_string(pretty_structs=True, max_elements=200, repeat_threshold=10)}
            finally:
                gdb.execute("set print null-stop off")

    Payload("-afterimage-payload")
