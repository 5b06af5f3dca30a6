# Loaded into gdb: nothing outlives its parent. The replayed program ends with gdb: left alone it would wait for ever, or run.
# gdb ends with the adapter, at once: one that sees its input end and then finds its program gone has been seen to wait for ever.
import ctypes
import os
import signal

import gdb

PR_SET_PDEATHSIG = 1


def end_program(_event):
    for inferior in gdb.inferiors():
        if inferior.pid > 0:
            os.kill(inferior.pid, signal.SIGKILL)


gdb.events.gdb_exiting.connect(end_program)
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
