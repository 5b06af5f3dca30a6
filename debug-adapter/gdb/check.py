# Run by gdb without a process: the names behind what `afterimage check` has found, and behind call stacks (code-names.ts).
#
# Descriptor 3 brings {"modules": [{path, bias, code: [address]}], "code": [address], "data": [address],
# "threadLocals": [{path, offset, bytes}], "systemCalls": [number],
# "images": [{core, object, type, base, bytes, holders: [[address, block, bytes]]}]}; addresses are hexadecimal text.
# Descriptor 4 takes {"code": {address: place}, "data": {..}, "threadLocals": {"path:offset": ..}, "systemCalls": {number: name},
# "holders": {"core:address": {path, type, use} or null}, "problems": [sentence]}.
import json
import os
import sys

import gdb

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from code_places import code_place, data_place, find_users_places, system_call_names, thread_local_places  # noqa: E402
from cpp_types import find_type  # noqa: E402
from member_paths import Members  # noqa: E402

problems = []
program = ""


def load(modules):
    for module in modules:
        try:
            gdb.execute("add-symbol-file %s -o %s" % (quoted(module["path"]), module["bias"]), to_string=True)
        except gdb.error as error:
            problems.append("%s: %s" % (module["path"], error))


def quoted(path):
    return '"%s"' % path.replace("\\", "\\\\").replace('"', '\\"')


def attempt(answer, *arguments):
    try:
        return answer(*arguments)
    except (gdb.error, RuntimeError, OSError) as error:
        problems.append(str(error))
        return None


def holders_in(image):
    """Members of the reactor as it was when the image was made."""
    type = find_type(image["type"])
    if type is None:
        problems.append(why_no_type(image["type"]))
        return {}
    gdb.execute("core-file %s" % image["core"], to_string=True)
    base, end = int(image["base"], 16), int(image["base"], 16) + int(image["bytes"], 16)
    members = Members(int(image["object"], 16), type, lambda address: base <= address < end)
    if not members.is_complete:
        problems.append("%s is so large that not every member was looked at" % image["type"])
    holders = [[int(number, 16) for number in holder] for holder in image["holders"]]
    behind = members.members_behind({(block, bytes) for _, block, bytes in holders})
    return {"%s:%#x" % (image["core"], holder[0]): members.place(*holder, behind) for holder in holders}


def why_no_type(type):
    with open(program, "rb") as file:
        if b".debug_info\0" in file.read():
            return "The program's debug information has no type %s." % type
    return "%s has no debug information. Build it with -g, and the report names members, types and lines." % os.path.basename(program)


def main():
    gdb.execute("set confirm off")
    gdb.execute("set language c++")  # without a frame gdb does not know
    with os.fdopen(3) as asked:
        work = json.load(asked)
    global program
    program = work["modules"][0]["path"]
    load(work["modules"])
    for module in (module for module in work["modules"] if module["code"]):
        find_users_places(module, [int(address, 16) for address in module["code"]])
    answer = {
        "code": {address: attempt(code_place, int(address, 16)) for address in work["code"]},
        "data": {address: attempt(data_place, int(address, 16)) for address in work["data"]},
        "threadLocals": {"%(path)s:%(offset)d" % each: attempt(thread_local_places, each["path"], each["offset"], each["bytes"]) or []
                         for each in work["threadLocals"]},
        "systemCalls": system_call_names(work["systemCalls"]),
        "holders": {},
    }
    for image in work["images"]:
        answer["holders"].update(attempt(holders_in, image) or {})
    answer["problems"] = sorted(set(problems))
    with os.fdopen(4, "w") as answers:
        json.dump(answer, answers)


main()
