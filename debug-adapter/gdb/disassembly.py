# Loaded into gdb after children.py: machine code around an address, and what a half-typed expression may become.
#
# A disassembly view scrolls both ways, but instructions can only be read forward. What comes before an address is read from
# the beginning of its function, and then of the one before it; where no symbol says, from a place that leads to the address.
#
#   -afterimage-disassemble ADDRESS BEFORE COUNT   -> instructions=[{address, text, bytes, symbol, file, line}]: COUNT of them, the
#                                                     first of which is BEFORE instructions before ADDRESS (negative: behind it).
#                                                     What cannot be read has no bytes
#   -afterimage-completions LEVEL COMMAND          -> completions=[{text}]: what a console command may become
import re

import gdb

LONGEST_INSTRUCTION = 15
LARGEST_FUNCTION = 1 << 16
GUESSED_BYTES = 256
COMPLETIONS_SHOWN = 200
LAST_ADDRESS = (1 << 64) - 1
SYMBOL = re.compile(r"^(.+?)(?: \+ (\d+))? in section ")


def symbol_at(address):
    """Its name, and how far behind its beginning the address is."""
    found = SYMBOL.match(gdb.execute("info symbol %#x" % address, to_string=True))
    return (found.group(1), int(found.group(2) or 0)) if found else (None, LARGEST_FUNCTION)


def read_forward(address, most, end=LAST_ADDRESS):
    """Instructions from an address on, as far as they can be read; and where they end."""
    architecture, found = gdb.selected_inferior().architecture(), []
    while len(found) < most and address < end:
        try:
            found += architecture.disassemble(address, count=1)
        except gdb.error:
            break
        address += found[-1]["length"]
    return found, address


def read_back(end):
    """Instructions right before an address: those of its function, or else a few."""
    _, offset = symbol_at(end - 1)
    guesses = range(max(0, end - GUESSED_BYTES), max(0, end - GUESSED_BYTES + LONGEST_INSTRUCTION))
    for start in guesses if offset >= LARGEST_FUNCTION else [end - 1 - offset]:
        found, reached = read_forward(start, end - start, end)
        if reached == end:
            return found
    return []


def read_before(address, count):
    found = []
    while len(found) < count:
        earlier = read_back(found[0]["addr"] if found else address)
        if not earlier:
            break
        found = earlier + found
    return found[len(found) - min(count, len(found)):]


def row(instruction):
    address = instruction["addr"]
    name, offset = symbol_at(address)
    place = gdb.find_pc_line(address)
    code = bytes(gdb.selected_inferior().read_memory(address, instruction["length"]))
    return {"address": hex(address), "text": instruction["asm"], "bytes": code.hex(), "symbol": name if name and offset == 0 else "",
            "file": place.symtab.fullname() if place.symtab else "", "line": str(place.line)}


def unreadable(address):
    return {"address": hex(address & LAST_ADDRESS), "text": "", "bytes": "", "symbol": "", "file": "", "line": "0"}


class Disassemble(Looking):
    def answer(self, argv):
        address, before, count = int(argv[0], 0), int(argv[1]), int(argv[2])
        earlier = read_before(address, before)
        later, end = read_forward(address, count - before)
        top = earlier[0]["addr"] if earlier else address
        rows = [unreadable(top - i) for i in range(max(0, before - len(earlier)), 0, -1)]
        rows += [row(instruction) for instruction in (earlier + later)[max(0, -before):]]
        rows += [unreadable(end + i) for i in range(count - len(rows))]
        return {"instructions": rows[:count]}


class Completions(Looking):
    def answer(self, argv):
        select(int(argv[0]))
        lines = gdb.execute("complete " + argv[1], to_string=True).splitlines()
        return {"completions": [{"text": line} for line in lines[:COMPLETIONS_SHOWN]]}


gdb.execute("set print asm-demangle on")
Disassemble("-afterimage-disassemble")
Completions("-afterimage-completions")
