"""Which partition is computed next, and what happens after a lost attempt. Knows nothing of Ray: times are passed in."""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass
from typing import Mapping

from .errors import PartitionFailure

FIRST_DELAY = 0.5
"""Seconds before a lost partition or worker is tried again; doubled each time."""

LONGEST_DELAY = 60.0

MIN_USUAL_SECONDS = 5.0
"""What a partition is taken to need at least: below that, the start of another scorer costs more than it saves."""

MIN_FINISHED = 3
"""Finished partitions before a running one can be called slow: fewer say nothing about the rate."""

MOST_RATES = 1000
"""Of the last finished partitions, which tell what is usual."""


def back_off(losses: int) -> float:
    """Seconds to wait after so many losses in a row (from 1)."""
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** max(0, losses - 1))


@dataclass
class Partition:
    """One input file, and what became of it."""

    name: str
    bytes: int
    losses: int = 0
    not_before: float = 0.0
    since: float = 0.0
    """When its worker began."""
    moved: bool = False
    """It was taken from a slow worker once."""
    failure: str = ""


@dataclass(frozen=True)
class _Rate:
    """Of a finished partition."""

    seconds_per_byte: float
    rows_per_byte: float


class Schedule:
    """The partitions of a run. The largest come first: the last ones to finish are then small, and no worker waits long."""

    def __init__(self, partitions: list[tuple[str, int]], max_retries: int, straggler_factor: float | None) -> None:
        ordered = sorted(partitions, key=lambda one: (-one[1], one[0]))
        self._fresh = deque(Partition(name, size) for name, size in ordered)
        self._lost: list[Partition] = []
        """Those that wait for another attempt."""
        self._running: dict[str, Partition] = {}
        self._failed: list[Partition] = []
        self._max_retries = max_retries
        self._straggler_factor = straggler_factor
        self._rates: deque[_Rate] = deque(maxlen=MOST_RATES)
        self.bytes_left = sum(one.bytes for one in self._fresh)
        self.retries = 0
        self.failed_in_a_row = 0
        self.given_up: str | None = None
        """Why nothing else is tried."""

    @property
    def over(self) -> bool:
        """Every partition is finished or given up."""
        return self.waiting == 0 and not self._running

    @property
    def waiting(self) -> int:
        """Partitions that no worker computes, those that wait for another attempt included."""
        return len(self._fresh) + len(self._lost)

    def take(self, now: float) -> str | None:
        """The partition that an idle worker computes now; None if there is none for it yet."""
        one = next((one for one in self._lost if one.not_before <= now), None)
        if one is not None:
            self._lost.remove(one)
        elif self._fresh:
            one = self._fresh.popleft()
        else:
            return None
        one.since = now
        self._running[one.name] = one
        return one.name

    def next_time(self, now: float) -> float | None:
        """Seconds until a waiting partition may be taken; None if none waits."""
        if self._fresh:
            return 0.0
        return max(0.0, min(one.not_before for one in self._lost) - now) if self._lost else None

    def finish(self, name: str, rows: int, now: float) -> float:
        """The worker finished the partition. Returns the seconds it took."""
        one = self._running.pop(name)
        self.failed_in_a_row = 0
        self.bytes_left -= one.bytes
        seconds = now - one.since
        self._rates.append(_Rate(seconds / max(1, one.bytes), rows / max(1, one.bytes)))
        return seconds

    def lose(self, name: str, message: str, now: float, *, final: bool = False) -> None:
        """The attempt failed, or its worker died. ``final``: another attempt would end the same."""
        one = self._running.pop(name)
        one.losses += 1
        self.failed_in_a_row += 1
        if final or one.losses > self._max_retries:
            self._fail(one, message)
            return
        self.retries += 1
        one.not_before = now + back_off(one.losses)
        self._lost.append(one)

    def put_back(self, name: str, now: float, *, moved: bool = False) -> None:
        """The attempt ended through no fault of the partition: it waits again, and nothing is counted."""
        one = self._running.pop(name)
        one.not_before, one.moved = now, one.moved or moved
        self._lost.append(one)

    def give_up(self, message: str) -> None:
        """Fails everything that waits. What runs may still finish, and gets no other attempt."""
        self.given_up, self._max_retries = message, 0
        for one in [*self._lost, *self._fresh]:
            self._fail(one, message)
        self._fresh.clear()
        self._lost.clear()

    def _fail(self, one: Partition, message: str) -> None:
        one.failure = message
        self.bytes_left -= one.bytes
        self._failed.append(one)

    @property
    def failures(self) -> tuple[PartitionFailure, ...]:
        return tuple(PartitionFailure(one.name, one.losses, one.failure) for one in self._failed)

    def straggler(self, now: float, rows: Mapping[str, int]) -> str | None:
        """A running partition that another worker would finish much sooner from the start; None if there is none.

        A partition has one writer at a time, so helping a slow worker means stopping it. That is worth it only if what is left at its pace
        takes longer than ``straggler_factor`` times the whole partition at the median pace. Each partition is moved once at most,
        and only when nothing else waits.

        :param rows: how many rows of each running partition are finished
        """
        if self._straggler_factor is None or len(self._rates) < MIN_FINISHED or self.waiting > 0:
            return None
        pace = statistics.median(rate.seconds_per_byte for rate in self._rates)
        density = statistics.median(rate.rows_per_byte for rate in self._rates)
        latest: tuple[float, str] | None = None
        for one in self._running.values():
            if one.moved:
                continue
            usual = max(MIN_USUAL_SECONDS, pace * one.bytes)
            elapsed = now - one.since
            share = min(0.99, rows.get(one.name, 0) / max(1.0, density * one.bytes))
            left = elapsed * (1 - share) / share if share > 0 else elapsed
            if elapsed > usual and left > self._straggler_factor * usual and (latest is None or left > latest[0]):
                latest = (left, one.name)
        return latest[1] if latest else None
