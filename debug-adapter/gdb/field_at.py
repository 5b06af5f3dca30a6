# Loaded into gdb with an executable, without a process: which member of a C++ type is at an offset.
#
#   field-at OFFSET TYPE        prints "@field a.b[3].c"; nothing when there is none. What is inside of std:: types is not looked into.
import gdb


def path_to(type, offset):
    type = type.strip_typedefs()
    if type.code == gdb.TYPE_CODE_ARRAY:
        element = type.target()
        index = offset // element.sizeof
        return "[%d]%s" % (index, path_to(element, offset - index * element.sizeof))
    if type.code != gdb.TYPE_CODE_STRUCT or str(type).startswith("std::"):
        return ""
    for field in type.fields():
        begin = getattr(field, "bitpos", -8) // 8  # static members have none
        if begin < 0 or not begin <= offset < begin + field.type.sizeof:
            continue
        nameless = field.is_base_class or not field.name
        return ("" if nameless else "." + field.name) + path_to(field.type, offset - begin)
    return ""


class FieldAt(gdb.Command):
    def __init__(self):
        super().__init__("field-at", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        offset, name = argument.split(" ", 1)
        path = path_to(gdb.lookup_type(name), int(offset)).lstrip(".")
        if path:
            print("@field " + path)


FieldAt()
