# Loaded into gdb (12 or newer): one line for any value, the way a person wants to read it.
#
#     std::map with 3 elements      std::optional<int> = 42      {id = 8, price = 8.5, symbol = "JKL"}
#
# Nothing here may change the replayed program: gdb itself refuses calls and writes to memory while a value is computed
# (looking_only), so that no expression can slip through. Errors are part of the text: half of a crashed program's state may
# be unreadable.
import contextlib
import itertools
import re

import gdb

TEXT_LENGTH = 400
PREVIEW_FIELDS = 6


@contextlib.contextmanager
def looking_only():
    """Inside, gdb refuses to write the program's memory. Calling its functions is off for the whole session."""
    gdb.execute("set may-write-memory off", to_string=True)
    try:
        yield
    finally:
        gdb.execute("set may-write-memory on", to_string=True)  # breakpoints are written, too


LITERALS = re.compile(r"""(["'])(?:\\.|(?!\1).)*\1""")
ASSIGNMENT = re.compile(r"(?<![=!<>])=(?!=)|<<=|>>=|\+\+|--")


def refuse_register_writes(expression):
    """gdb has no switch for registers that works while a program is there: no assignment in expressions that name one."""
    expression = LITERALS.sub("", expression)
    if "$" in expression and ASSIGNMENT.search(expression):
        raise gdb.GdbError("Writing to registers is not allowed")


# ---- types -------------------------------------------------------------------------------------

POINTERS = (gdb.TYPE_CODE_PTR,)
REFERENCES = (gdb.TYPE_CODE_REF, getattr(gdb, "TYPE_CODE_RVALUE_REF", gdb.TYPE_CODE_REF))
RECORDS = (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION)
DEFAULTED = re.compile(r"^(const )?std::(__cxx11::)?(allocator|less|hash|equal_to|char_traits|default_delete)<")
STRING = re.compile(r"std::(?:__cxx11::)?basic_string<char, std::char_traits<char>, std::allocator<char> ?>")
STRING_VIEW = re.compile(r"std::basic_string_view<char, std::char_traits<char> ?>")


def short_type(name):
    """`std::map<std::string, int>` instead of the type with its allocator, comparison and inline namespace."""
    name = STRING_VIEW.sub("std::string_view", STRING.sub("std::string", name))
    return without_defaults(name).replace("std::__cxx11::", "std::")


def without_defaults(name):
    opening = name.find("<")
    if opening < 0:
        return name
    closing = matching_bracket(name, opening)
    if closing < 0:
        return name
    arguments = [without_defaults(part) for part in split_arguments(name[opening + 1 : closing])]
    kept = [argument for argument in arguments if not DEFAULTED.match(argument)]
    return name[:opening] + "<" + ", ".join(kept) + ">" + without_defaults(name[closing + 1 :])


def matching_bracket(text, opening):
    depth = 0
    for index in range(opening, len(text)):
        depth += {"<": 1, ">": -1}.get(text[index], 0)
        if depth == 0:
            return index
    return -1


def split_arguments(text):
    depth, start, parts = 0, 0, []
    for index, character in enumerate(text):
        depth += {"<": 1, "(": 1, "[": 1, ">": -1, ")": -1, "]": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(text[start:index].strip())
            start = index + 1
    return parts + [text[start:].strip()]


def code_of(value):
    return value.type.strip_typedefs().code


def is_text_type(type_):
    type_ = type_.strip_typedefs().unqualified()
    return type_.code in (gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_INT) and type_.sizeof == 1 and "char" in str(type_)


def settle(value):
    """References become what they refer to; objects become their dynamic type."""
    if code_of(value) in REFERENCES:
        value = value.referenced_value()
    if code_of(value) == gdb.TYPE_CODE_STRUCT and value.address is not None:
        dynamic = value.dynamic_type
        if dynamic.strip_typedefs() != value.type.strip_typedefs():
            value = value.cast(dynamic)
    return value


def pointee(value):
    """What an openable pointer points to, or None for null, functions, void and text."""
    target = value.type.strip_typedefs().target().strip_typedefs()
    if target.code in (gdb.TYPE_CODE_VOID, gdb.TYPE_CODE_FUNC, gdb.TYPE_CODE_METHOD) or is_text_type(target):
        return None
    if int(value) == 0:
        return None
    return value.dereference()


def plain_array(value):
    """C arrays, and std::array, which is one in a class; None for everything else."""
    if code_of(value) == gdb.TYPE_CODE_STRUCT and str(value.type.strip_typedefs().unqualified()).startswith("std::array<"):
        value = value["_M_elems"]
    return value if code_of(value) == gdb.TYPE_CODE_ARRAY else None


# ---- one line for a value ----------------------------------------------------------------------


def cut(text):
    return text if len(text) <= TEXT_LENGTH else text[: TEXT_LENGTH - 1] + "…"


def summary(value, depth=1, display=None):
    """One line. Errors are part of it: half of a crashed program's state may be unreadable."""
    try:
        return cut(summary_or_error(value, depth, display))
    except (gdb.error, RuntimeError, ValueError, OverflowError) as problem:
        return "<%s>" % problem


def summary_or_error(value, depth, display):
    if value.is_optimized_out:
        return "<optimized out>"
    printer = gdb.default_visualizer(value)
    if printer is not None:
        return printed(value, printer, depth)
    array = plain_array(value)
    if array is not None and not is_text(array):
        return array_preview(array, depth)
    if code_of(value) in RECORDS:
        return record_preview(value, depth)
    options = {"max_elements": TEXT_LENGTH, "repeat_threshold": 0}
    return value.format_string(format=display, **options) if display else value.format_string(**options)


def printed(value, printer, depth):
    head = printer.to_string() if hasattr(printer, "to_string") else None
    if not isinstance(head, (str, type(None))) or hint_of(printer) == "string" or not hasattr(printer, "children"):
        return value.format_string(max_elements=TEXT_LENGTH, repeat_threshold=0)
    head = short_type(str(head)) if head is not None else short_type(str(value.type))
    if counted(head) is not None or depth <= 0:
        return head
    # optional, variant, unique_ptr and their like: what they hold belongs into the line.
    held = list(itertools.islice(printer.children(), 2))
    return "%s = %s" % (head, summary(as_value(held[0][1]), depth - 1)) if len(held) == 1 else head


def record_preview(value, depth):
    if depth <= 0:
        return "{…}"
    parts = []
    for name, child in fields_of(value, ""):
        if len(parts) == PREVIEW_FIELDS:
            parts.append("…")
            break
        parts.append("%s = %s" % (name, summary(child[0] if child[1] is BASE else settle(child[0]), depth - 1)))
    return "{%s}" % ", ".join(parts)


def array_preview(value, depth):
    low, high = value.type.strip_typedefs().range()
    if depth <= 0:
        return "[%d]" % (high - low + 1)
    shown = [summary(value[index], depth - 1) for index in range(low, min(high + 1, low + PREVIEW_FIELDS))]
    return "[%d] {%s}" % (high - low + 1, ", ".join(shown + (["…"] if high - low + 1 > PREVIEW_FIELDS else [])))


# ---- what values consist of ---------------------------------------------------------------------

LENGTH = re.compile(r"(?:with|of length) (\d+)(?: elements?|, capacity|$)")


def counted(head):
    """The number of elements that libstdc++'s printers announce, e.g. `std::map with 3 elements`."""
    if head.startswith("empty ") or head.endswith(" is empty"):
        return 0
    found = LENGTH.search(head)
    return int(found.group(1)) if found else None


def hint_of(printer):
    return printer.display_hint() if hasattr(printer, "display_hint") else None


BASE = None  # instead of an expression: a base class, to be shown as such and not as the whole object again


def as_value(thing):
    return thing if isinstance(thing, gdb.Value) else gdb.Value(thing)


def fields_of(value, prefix):
    """(name, (value, expression)) of a class: bases first, as C++ lays them out; no statics, no vtable pointer.
    `prefix` is what C++ writes before a member's name: `object.` or `pointer->`; empty when there is no such text."""
    if value.is_lazy and value.address is None:
        value.fetch_lazy()  # gdb 13 ends itself when it takes a base class out of what lies in registers and was not read
    for field in value.type.strip_typedefs().fields():
        if not hasattr(field, "bitpos") or field.artificial or (field.name or "").startswith("_vptr"):
            continue
        if field.is_base_class:
            if any(True for _ in fields_of(value[field], "")):
                yield short_type(field.name), (value[field], BASE)
        elif field.name:
            yield field.name, (value[field], prefix + field.name if prefix else "")
        else:
            yield from fields_of(value[field], prefix)  # an anonymous union or struct: its members are ours
