# Loaded into gdb: whether the program may be sent back from where it stands, leaving its present calls unfinished.
#
# Reactor code may: all that it changed is restored. Code of the C library, the loader, the unwinder or our allocator may
# not, because it may hold a lock that nobody will ever release; unless it is known to hold none.
#
#   -afterimage-rewindable ABORTING        -> safe="1", or safe="0" and function="what it is inside of"
#
# ABORTING is 1 when abort() has raised its signal: it holds nothing then.
import os
import re

import gdb

LIBRARIES_WITH_LOCKS = re.compile(r"^(libc|ld-linux.*|ld|libpthread|libdl|libgcc_s)[.-]")
OUR_LIBRARY = re.compile(r"^libafterimage[.-]")
HOLDS_NOTHING = re.compile(r"^_*(mem|str|wmem|wcs|raise|gsignal|pthread_kill|exit$|_exit$|quick_exit$|execve$|GI_raise|kill$)")
REPLAY_LOOP = re.compile(r"^(afterimage::replay::|afterimage_)")
FRAMES_LOOKED_AT = 1000


def unfinished_call(aborting):
    frame, reactor_seen = gdb.newest_frame(), False
    for _ in range(FRAMES_LOOKED_AT):
        if frame is None:
            return None
        name = frame.name() or "a function without a name"
        if REPLAY_LOOP.match(name):
            return None
        library = os.path.basename(gdb.solib_name(frame.pc()) or "")
        if OUR_LIBRARY.match(library):
            if not reactor_seen:
                return name
        elif not LIBRARIES_WITH_LOCKS.match(library):
            reactor_seen = True
        elif not aborting and not HOLDS_NOTHING.match(name):
            return name
        frame = frame.older()
    return None


class Rewindable(gdb.MICommand):
    def invoke(self, argv):
        try:
            function = unfinished_call(argv[0] == "1")
        except gdb.error as problem:
            function = "a stack that cannot be read (%s)" % problem
        return {"safe": "1"} if function is None else {"safe": "0", "function": function}


Rewindable("-afterimage-rewindable")
