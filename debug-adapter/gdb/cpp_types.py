# C++ types by the names that a recording has for them.
import re

import gdb


def find_type(name):
    """None if there is none. The demangler writes template arguments as 3ul, the debug information as 3."""
    for spelling in (name, re.sub(r"\b(\d+)(?:ul|u|l)\b", r"\1", name)):
        try:
            return gdb.lookup_type(spelling)
        except gdb.error:
            pass
    return None
