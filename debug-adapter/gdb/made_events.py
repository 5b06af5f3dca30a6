# Loaded into gdb before decode_payloads.py: the memory of events that were made in a heap, as a core file that gdb reads.
#
# Each event has had the same addresses as others, so each gets a space of its own: the upper 16 bits of its addresses are its number.
# Aligned words of its memory that point into it are shifted; what is shown has the recorded addresses again.
import glob
import os
import re
import struct
import sys
import tempfile

import gdb

SPACE_BITS = 48
EVENTS_AT_ONCE = 1000
LOADS_MAX = 65000  # that an ELF file can count; what lies behind is shown as unreadable
MASK = (1 << SPACE_BITS) - 1


def find_printers():
    """Those of the C++ library come with it, and it is not loaded where there is no process."""
    for folder in sorted(glob.glob("/usr/share/gcc*/python")):
        sys.path.insert(0, folder)
    try:
        from libstdcxx.v6.printers import register_libstdcxx_printers

        register_libstdcxx_printers(None)
    except (ImportError, RuntimeError):
        pass  # or there are none; or they are known already


def shifted(raw, blocks, space):
    words = list(struct.unpack_from(f"<{len(raw) // 8}Q", raw))
    for i, word in enumerate(words):
        if any(address <= word <= address + len(inside) for address, inside in blocks):
            words[i] = word | space
    return struct.pack(f"<{len(words)}Q", *words) + raw[len(words) * 8 :]


def core_of(loads):
    head = struct.Struct("<16sHHIQQQIHHHHHH")
    load = struct.Struct("<IIQQQQQQ")
    at = head.size + load.size * len(loads)
    headers = [head.pack(b"\x7fELF\x02\x01\x01", 4, 62, 1, 0, head.size, 0, 0, head.size, load.size, len(loads), 0, 0, 0)]
    for address, raw in loads:
        headers.append(load.pack(1, 6, at, address, 0, len(raw), len(raw), 1))
        at += len(raw)
    return b"".join(headers + [raw for _, raw in loads])


def load_memory(events):
    """A list of {"blocks": [[address, hex], ...]}, and of None for other events; of EVENTS_AT_ONCE at most."""
    loads = []
    for number, event in enumerate(events, 1):
        blocks = [(int(address, 16), bytes.fromhex(digits)) for address, digits in event["blocks"]] if event else []
        space = number << SPACE_BITS
        loads += [(address | space, shifted(raw, blocks, space)) for address, raw in blocks if raw]
    with tempfile.NamedTemporaryFile(prefix="afterimage-", suffix=".core") as core:
        core.write(core_of(loads[:LOADS_MAX]))
        core.flush()
        gdb.execute(f"core-file {core.name}", to_string=True)


def made_value(type, name, event, number):
    if type is None:
        raise gdb.GdbError(f"the executable has no debug information for {name}")
    address = int(event["event"], 16) | number << SPACE_BITS
    return gdb.Value(address).cast(type.pointer()).dereference()


def with_recorded_addresses(text):
    return re.sub(r"0x[0-9a-f]{13,16}\b", lambda found: hex(int(found[0], 16) & MASK), text)
