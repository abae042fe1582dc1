"""Kills workers and scorers at random, while a run works."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path

from starling_rm_ray import Progress


class Chaos(threading.Thread):
    """Ends ``kills`` processes of a run with SIGKILL: an actor or a scorer, at random moments. Give :meth:`watch` to the run.

    The processes are those that the run itself names, and each is looked at before: it must be Ray's worker or a scorer.
    """

    def __init__(self, kills: int, seconds: tuple[float, float], seed: int) -> None:
        super().__init__(daemon=True)
        self.actors_killed = self.scorers_killed = 0
        self._left = kills
        self._seconds = seconds
        self._random = random.Random(seed)
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
        while self._left > 0 and not self._ended.wait(self._random.uniform(*self._seconds)):
            state = self._state
            victims = [] if state is None else [worker for worker in state.workers if worker.pid is not None and worker.partition is not None]
            if not victims:
                continue
            victim = self._random.choice(victims)
            kills_actor = self._random.random() < 0.5 or victim.scorer_pid is None
            pid = victim.pid if kills_actor else victim.scorer_pid
            assert pid is not None
            if not _is_ours(pid, b"ray::" if kills_actor else b"--partitions"):
                continue
            os.kill(pid, signal.SIGKILL)
            self._left -= 1
            if kills_actor:
                self.actors_killed += 1
            else:
                self.scorers_killed += 1


def _is_ours(pid: int, word: bytes) -> bool:
    try:
        return word in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
