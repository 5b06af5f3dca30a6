# Loaded into gdb: the replayed program does not outlive gdb. Left alone, it would wait for ever, or run.
import os
import signal

import gdb


def end_program(_event):
    for inferior in gdb.inferiors():
        if inferior.pid > 0:
            os.kill(inferior.pid, signal.SIGKILL)


gdb.events.gdb_exiting.connect(end_program)
