# Run by gdb on an executable, without a process, after event_types.py: shows the bytes of recorded events as values of their C++ types.
#
# Descriptor 3 brings {"types": [name, ...], "payloads": [[index of type, hex, [[member, C++ value], ...]], ...]}: the members get
# these values first. Descriptor 4 takes one JSON line a payload: {"text": as gdb prints it, "value": the same as JSON,
# "payload": hex if a member was given a value}, or {"error": why not}.
import json
import os
import struct

import gdb

ELEMENTS = 200  # of an array, the rest is left out
DEPTH = 12
SETTINGS = dict(pretty_structs=False, pretty_arrays=False, max_elements=ELEMENTS, repeat_threshold=10)


def is_text(type):
    return type.target().strip_typedefs().code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR) and type.target().sizeof == 1


def array(value, type, depth):
    low, high = type.range()
    if is_text(type) and "char" in str(type.target().strip_typedefs()):
        raw = bytes(int(value[i]) & 0xFF for i in range(low, high + 1))
        return raw.split(b"\0")[0].decode("utf-8", "replace")
    return [plain(value[i], depth + 1) for i in range(low, min(high, low + ELEMENTS - 1) + 1)]


def members(value, type, depth):
    result = {}
    for field in type.fields():
        if not hasattr(field, "bitpos"):  # static
            continue
        inner = plain(value[field], depth + 1)
        if field.is_base_class or not field.name:
            result.update(inner if isinstance(inner, dict) else {})
        else:
            result[field.name] = inner
    return result


def plain(value, depth=0):
    """A value as JSON: enumerators by name, addresses and numbers beyond 53 bits as text."""
    type = value.type.strip_typedefs()
    if depth > DEPTH:
        return "..."
    if type.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
        return members(value, type, depth)
    if type.code == gdb.TYPE_CODE_ARRAY:
        return array(value, type, depth)
    if type.code == gdb.TYPE_CODE_BOOL:
        return bool(value)
    if type.code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR):
        number = int(value)
        return number if abs(number) < 2**53 else str(number)
    if type.code == gdb.TYPE_CODE_FLT:
        number = float(value)
        return number if number == number and abs(number) != float("inf") else str(number)
    if type.code == gdb.TYPE_CODE_PTR:
        return hex(int(value))
    return value.format_string(**SETTINGS)


def bytes_of(value, type):
    """As they stand in memory; the expression of a char array is a text."""
    type = type.strip_typedefs()
    if type.code == gdb.TYPE_CODE_ARRAY:
        text = value.string().encode()
        if not is_text(type) or len(text) > type.sizeof:
            raise ValueError(f"{value} does not fit into {type}")
        return text.ljust(type.sizeof, b"\0")
    if type.code == gdb.TYPE_CODE_FLT and type.sizeof in (4, 8):
        return struct.pack("<f" if type.sizeof == 4 else "<d", float(value))
    if type.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
        raise ValueError(f"{type} has members; give one of them a value")
    number = int(value)
    converted = int(value.cast(type))
    if converted != number:
        raise ValueError(f"{number} does not fit into {type}")
    return (converted % (1 << 8 * type.sizeof)).to_bytes(type.sizeof, "little")


def assign(type, raw, member, expression):
    place = gdb.parse_and_eval(f"(('{type}' *) 0)->{member}")
    if place.is_optimized_out or place.address is None:
        raise ValueError(f"{member} is not stored in bytes of its own")
    at = int(place.address)
    new = bytes_of(gdb.parse_and_eval(expression), place.type)
    if at + len(new) > len(raw):
        raise ValueError(f"{member} is not in the payload")
    return raw[:at] + new + raw[at + len(new) :]


def decode(type, name, raw, assignments):
    try:
        payload_value(type, name, raw)
        for member, expression in assignments:
            raw = assign(type, raw, member, expression)
        value = payload_value(type, name, raw)
        payload = {"payload": raw.hex()} if assignments else {}
        return {"text": value.format_string(**SETTINGS), "value": plain(value), **payload}
    except (gdb.error, gdb.GdbError, ValueError, RuntimeError) as error:
        return {"error": str(error)}


def main():
    gdb.execute("set print null-stop on")  # a char array ends at its first zero
    with os.fdopen(3) as asked:
        work = json.load(asked)
    types = [find_type(name) for name in work["types"]]
    with os.fdopen(4, "w") as answers:
        for index, digits, assignments in work["payloads"]:
            answer = decode(types[index], work["types"][index], bytes.fromhex(digits), assignments)
            answers.write(json.dumps(answer) + "\n")


main()
