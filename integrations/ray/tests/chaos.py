"""Kills workers and scorers at random, while a run works."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path

from starling_rm_ray import Progress

LAST_SHARE = 0.5
"""The last kill is due when this share of the rows is computed, at the latest: a fast run must not end before it."""

LONGEST_DELAY = 0.2
"""Seconds after the row that a kill is due at: scorers report their rows once a second."""


class Chaos(threading.Thread):
    """Ends ``kills`` processes of a run with SIGKILL, an actor and a scorer in turn, each when a random row of the run is computed. So a
    slow machine gets as many kills as a fast one, and makes progress between them. Give :meth:`watch` to the run.

    The processes are those that the run itself names, and each is looked at before: it must be Ray's worker or a scorer.
    """

    def __init__(self, kills: int, rows: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.actors_killed = self.scorers_killed = 0
        self._random = random.Random(seed)
        self._due = sorted(self._random.uniform(0, LAST_SHARE * rows) for _ in range(kills))
        self._state: Progress | None = None
        self._ended = threading.Event()

    @property
    def killed(self) -> int:
        return self.actors_killed + self.scorers_killed

    def watch(self, progress: Progress) -> None:
        self._state = progress

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        while self._due and not self._ended.wait(0.02):
            if self._state is not None and self._state.rows >= self._due[0]:
                self._ended.wait(self._random.uniform(0, LONGEST_DELAY))
                if self._kill_one(self._state):
                    self._due.pop(0)

    def _kill_one(self, state: Progress) -> bool:
        kills_actor = self.killed % 2 == 0
        working = [worker for worker in state.workers if worker.partition is not None]
        victims = [pid for worker in working if (pid := worker.pid if kills_actor else worker.scorer_pid) is not None]
        if not victims:
            return False
        pid = self._random.choice(victims)
        if not _is_ours(pid, b"ray::" if kills_actor else b"--partitions"):
            return False
        os.kill(pid, signal.SIGKILL)
        if kills_actor:
            self.actors_killed += 1
        else:
            self.scorers_killed += 1
        return True


def _is_ours(pid: int, word: bytes) -> bool:
    try:
        return word in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
