# Run by gdb on an executable, without a process, after event_types.py and made_events.py: shows recorded events as values of their C++
# types.
#
# Descriptor 3 brings {"types": [name, ...], "payloads": [[index of type, hex, [[member, C++ value], ...]], ...]}: the members get
# these values first. Of an event that was made in a heap there is {"event": its address, "blocks": [[address, hex], ...]} instead of the
# hex. Descriptor 4 takes one JSON line a payload: {"text": as gdb prints it, "value": the same as JSON,
# "payload": hex if a member was given a value}, or {"error": why not}.
import itertools
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


def printed(printer, depth):
    """What a printer of the C++ library makes of a value: text, a list, or members."""
    if not hasattr(printer, "children"):
        text = printer.to_string()
        return text.value().string(length=text.length) if hasattr(text, "value") else str(text)
    hint = printer.display_hint() if hasattr(printer, "display_hint") else None
    children = [
        (name, plain(child, depth + 1) if isinstance(child, gdb.Value) else child)
        for name, child in itertools.islice(printer.children(), ELEMENTS)
    ]
    if hint == "array":
        return [child for _, child in children]
    if hint == "map":
        return [[key, child] for (_, key), (_, child) in zip(children[::2], children[1::2])]
    return dict(children)


def plain(value, depth=0):
    """A value as JSON: enumerators by name, addresses and numbers beyond 53 bits as text."""
    type = value.type.strip_typedefs()
    if depth > DEPTH:
        return "..."
    printer = gdb.default_visualizer(value)
    if printer is not None:
        return printed(printer, depth)
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


def decode_made(type, name, event, number):
    try:
        value = made_value(type, name, event, number)
        answer = {"text": value.format_string(**SETTINGS), "value": plain(value)}
    except gdb.MemoryError as error:
        answer = {"error": f"{error}: the reactor had that memory before; in a replay it can be looked at"}
    except (gdb.error, gdb.GdbError, ValueError, RuntimeError) as error:
        answer = {"error": str(error)}
    return json.loads(with_recorded_addresses(json.dumps(answer)))


def answers_to(types, names, payloads):
    """In portions: one core file holds the memory of so many events."""
    while payloads:
        portion = payloads[:EVENTS_AT_ONCE]
        payloads = payloads[EVENTS_AT_ONCE:]
        if any(isinstance(payload, dict) for _, payload, _ in portion):
            load_memory([payload if isinstance(payload, dict) else None for _, payload, _ in portion])
        for number, (index, payload, assignments) in enumerate(portion, 1):
            if isinstance(payload, dict):
                yield decode_made(types[index], names[index], payload, number)
            else:
                yield decode(types[index], names[index], bytes.fromhex(payload), assignments)


def main():
    gdb.execute("set print null-stop on")  # a char array ends at its first zero
    with os.fdopen(3) as asked:
        work = json.load(asked)
    types = [find_type(name) for name in work["types"]]
    if any(isinstance(payload, dict) for _, payload, _ in work["payloads"]):
        find_printers()
    with os.fdopen(4, "w") as answers:
        for answer in answers_to(types, work["types"], work["payloads"]):
            answers.write(json.dumps(answer) + "\n")


main()
