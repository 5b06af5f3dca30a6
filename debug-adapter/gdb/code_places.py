# For check.py: places in code and data as people name them.
import bisect
import functools
import os
import re
import struct
import subprocess

import gdb
from values import short_type

NOT_THE_USERS = ("/usr/include/", "/usr/lib/gcc", "/c++/", "/include/afterimage/", "./nptl/", "./sysdeps/", "../sysdeps/", "../nptl/")
# As gdb and addr2line write them, the latter with a return type where the function is a template's.
LIBRARY_NAME = re.compile(r"(?:[\w:]+[*& ]+|decltype ?\(.*?\) )?(?:std::|__gnu_cxx::|afterimage::|operator new|operator delete|__|_mm|_rd)")
line_tables = {}
users_places = {}  # by address: what addr2line could tell, as code_place() answers


def is_users(function):
    """Whether it is the program's own, and not the C++ library's or ours."""
    if LIBRARY_NAME.match(function.print_name):
        return False
    symtab = function.symtab
    name = symtab.fullname() or symtab.filename if symtab is not None else None
    return name is not None and is_users_file(name) and is_users_file(symtab.filename)


def is_users_file(name):
    return not any(part in name or name.startswith(part) for part in NOT_THE_USERS)


def find_users_places(module, addresses):
    """The innermost of the user's functions at each address, and the line in which it calls what was inlined into it. gdb knows
    these lines for a process only, addr2line (of the binutils, with every compiler) without one. Where it is missing,
    line_before() guesses."""
    bias = int(module["bias"], 16)
    question = "\n".join(hex(address - bias) for address in addresses)
    command = ["addr2line", "-f", "-C", "-i", "-a", "-e", module["path"]]
    try:
        answer = subprocess.run(command, input=question, capture_output=True, text=True).stdout.splitlines()
    except OSError:
        return
    address, function = None, None
    for line in answer:
        if re.fullmatch(r"0x[0-9a-f]+", line):
            address, function = int(line, 16) + bias, None
        elif function is None:
            function = line
        else:
            match = re.match(r"(/.*):(\d+)", line)
            if match and is_users_file(match[1]) and not LIBRARY_NAME.match(function):
                add_users_place(address, {"function": function, "file": match[1], "line": int(match[2])})
            function = None


def add_users_place(address, place):
    if address in users_places:
        users_places[address]["inlinedInto"].append(place)
    else:
        users_places[address] = {**place, "users": True, "inlinedInto": []}


def enclosing_function(pc):
    """The function, not what was inlined into it, and where it begins."""
    block = gdb.block_for_pc(pc)
    while block is not None and (block.function is None or block.superblock.function is not None or not is_outermost(block)):
        block = block.superblock
    return (block.function, block.start) if block is not None else (None, None)


def is_outermost(block):
    outer = block.superblock
    while outer is not None and not outer.is_static:
        if outer.function is not None:
            return False
        outer = outer.superblock
    return True


def inlined_functions(pc):
    """The functions at a place, the innermost first."""
    block, functions = gdb.block_for_pc(pc), []
    while block is not None and not block.is_static and not block.is_global:
        if block.function is not None:
            functions.append(block.function)
        block = block.superblock
    return functions


def lines_of(symtab):
    key = symtab.fullname()
    if key not in line_tables:
        entries = sorted((entry.pc, entry.line) for entry in symtab.linetable() if entry.line > 0)
        line_tables[key] = ([pc for pc, _ in entries], [line for _, line in entries])
    return line_tables[key]


def users_place(pc):
    """(function, file, line) of the innermost code of the user's at a place."""
    for function in inlined_functions(pc):
        if not is_users(function):
            continue
        exact = gdb.find_pc_line(pc)
        if exact.symtab is not None and exact.line > 0 and exact.symtab.fullname() == function.symtab.fullname():
            return function, exact.symtab.fullname(), exact.line
        return function, function.symtab.fullname(), line_before(pc, function)
    return None


def line_before(pc, function):
    """What the C++ library's headers put into a function counts for the last line of the user's before it, and at the
    function's very beginning for the first one behind it."""
    pcs, lines = lines_of(function.symtab)
    index = bisect.bisect_right(pcs, pc) - 1
    begin = enclosing_function(pc)[1]
    for candidate in (index, index + 1):
        is_inside = 0 <= candidate < len(pcs) and enclosing_function(pcs[candidate])[1] == begin
        if is_inside and lines[candidate] != function.line:
            return lines[candidate]
    return function.line


SYMBOL = re.compile(r"(?P<name>.+?)(?: \+ (?P<offset>\d+))? in section (?P<section>\S+)(?: of (?P<file>.*))?$")


def symbol_at(address):
    """(name, offset) from the symbol table."""
    match = SYMBOL.match(gdb.execute("info symbol %#x" % address, to_string=True).strip())
    return (match["name"], int(match["offset"] or 0)) if match else (None, 0)


def code_place(pc):
    if pc in users_places:
        return users_places[pc]
    place = users_place(pc)
    if place is not None:
        function, file, line = place
        return {"function": function.print_name, "file": file, "line": line, "users": True}
    functions = inlined_functions(pc)
    exact = gdb.find_pc_line(pc)
    name = functions[-1].print_name if functions else symbol_at(pc)[0]
    has_line = exact.symtab is not None and exact.line > 0
    return {"function": name or "", "file": exact.symtab.fullname() if has_line else "", "line": exact.line if has_line else 0,
            "users": False, "lines": bool(functions)}


def variable(name):
    for lookup in (gdb.lookup_global_symbol, gdb.lookup_static_symbol):
        symbol = lookup(name)
        if symbol is not None:
            return symbol
    return None


def describe_variable(name, offset):
    symbol = variable(name)
    place = {"name": name, "offset": offset, "type": "", "file": "", "line": 0}
    if symbol is not None and symbol.symtab is not None:
        place.update(type=short_type(str(symbol.type)), file=symbol.symtab.fullname(), line=symbol.line)
    elif symbol is None and ")::" in name:
        place.update(type=type_of_local(*name.rsplit("::", 1)))
    return place


def type_of_local(function, name):
    """Of a static variable in a function."""
    try:
        return short_type(str(gdb.parse_and_eval("'%s'::%s" % (function, name)).type))
    except gdb.error:
        return ""


def data_place(address):
    name, offset = symbol_at(address)
    return describe_variable(name, offset) if name is not None else None


# ---- thread_local variables: gdb finds them only in a living thread, the symbol table has them all -------------

SHT_SYMTAB, STT_TLS = 2, 6


@functools.cache
def thread_locals(path):
    """(offset, bytes, mangled name) of each in a module's block."""
    return sorted(read_thread_locals(path))


def read_thread_locals(path):
    with open(path, "rb") as file:
        data = file.read()
    table_offset, = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table_offset + i * size) for i in range(count)]
    for section in sections:
        if section[1] != SHT_SYMTAB:
            continue
        names = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], 24):
            name, info, _, _, value, length = struct.unpack_from("<IBBHQQ", data, at)
            if info & 15 == STT_TLS:
                yield value, length, data[names + name:data.index(b"\0", names + name)].decode("utf-8", "replace")


def thread_local_places(path, offset, bytes):
    """Those that have one of the bytes."""
    return [describe_variable(demangled(name), max(offset - value, 0))
            for value, length, name in thread_locals(path)
            if value < offset + max(bytes, 1) and offset < value + max(length, 1)]


def demangled(name):
    try:
        return gdb.execute("demangle -- %s" % name, to_string=True).strip()
    except gdb.error:  # that of C is as it is
        return name


# ---- names of system calls, which gdb knows for `catch syscall` -------------------------------------------------


def system_call_names(numbers):
    path = os.path.join(os.path.dirname(os.path.dirname(gdb.PYTHONDIR + "/")), "syscalls", "amd64-linux.xml")
    try:
        with open(path) as file:
            text = file.read()
    except OSError:
        text = ""
    known = {int(number): name for name, number in re.findall(r'<syscall name="([^"]+)" number="(\d+)"', text)}
    return {str(number): known.get(number, "system call %d" % number) for number in numbers}
