# Run by gdb without a process: where modules ask the processor for random numbers. Such an instruction cannot be made to trap,
# so all that can be said is that it is there.
#
# Descriptor 3 brings [path, ...]. Descriptor 4 takes [{path, instruction, function, file, line, users}, ...].
import json
import os
import re
import struct
import sys

import gdb

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from code_places import code_place  # noqa: E402

PT_LOAD, PF_X = 1, 1
LOOKS_LIKE_RDRAND_OR_RDSEED = re.compile(rb"\x0f\xc7[\xf0-\xff]")
MOST_PLACES = 100  # of one module
LONGEST_PREFIX = 2  # operand size, and REX


def candidates(path):
    """Addresses at which the bytes of such an instruction, or of others, lie in executable segments."""
    with open(path, "rb") as file:
        data = file.read()
    table, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for i in range(count):
        kind, flags, offset, address, _, bytes = struct.unpack_from("<IIQQQQ", data, table + i * size)
        if kind == PT_LOAD and flags & PF_X:
            for match in LOOKS_LIKE_RDRAND_OR_RDSEED.finditer(data, offset, offset + bytes):
                yield match.start() - offset + address


def function_around(address):
    """Where to begin to disassemble: in the middle of a function, bytes may be anything."""
    block = gdb.block_for_pc(address)
    while block is not None and block.superblock is not None and not block.superblock.is_static:
        block = block.superblock
    return (block.start, block.end - 1) if block is not None else None


def instruction_at(address):
    around = function_around(address)
    if around is None:
        return None
    for instruction in gdb.selected_inferior().architecture().disassemble(*around):
        if instruction["addr"] <= address <= instruction["addr"] + LONGEST_PREFIX and instruction["asm"].startswith(("rdrand", "rdseed")):
            return instruction
    return None


def places(path):
    gdb.execute('file "%s"' % path.replace("\\", "\\\\").replace('"', '\\"'), to_string=True)
    found = []
    for address in candidates(path):
        instruction = instruction_at(address)
        if instruction is not None and len(found) < MOST_PLACES:
            found.append({"path": path, "instruction": instruction["asm"].split()[0], **code_place(instruction["addr"])})
    return found


with os.fdopen(3) as asked, os.fdopen(4, "w") as answers:
    gdb.execute("set confirm off")
    gdb.execute("set language c++")
    json.dump([place for path in json.load(asked) for place in places(path)], answers)
