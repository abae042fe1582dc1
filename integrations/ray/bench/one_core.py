"""Runs a command on one core, which no other command under this script has: ``python one_core.py FOLDER PROGRAM …``.

FOLDER holds a lock file for each core. The command inherits the lock, and gives it back with its end.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time


def main(folder: str, line: list[str]) -> None:
    while True:
        for core in sorted(os.sched_getaffinity(0)):
            lock = os.open(os.path.join(folder, f"core{core}"), os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(lock)
                continue
            os.set_inheritable(lock, True)
            os.sched_setaffinity(0, {core})
            os.execvp(line[0], line)
        time.sleep(0.1)


main(sys.argv[1], sys.argv[2:])
