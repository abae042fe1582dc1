"""Which partition is computed next, and what happens after a lost attempt. Knows nothing of Ray: times are passed in."""

from __future__ import annotations

import statistics
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
    worker: int | None = None
    """The worker that computes it."""
    since: float = 0.0
    moved: bool = False
    """It was taken from a slow worker once."""
    finished: bool = False
    failure: str | None = None

    @property
    def over(self) -> bool:
        return self.finished or self.failure is not None

    @property
    def waits(self) -> bool:
        return self.worker is None and not self.over


@dataclass(frozen=True)
class _Rate:
    """Of a finished partition."""

    seconds_per_byte: float
    rows_per_byte: float


class Schedule:
    """The partitions of a run. The largest come first: the last ones to finish are then small, and no worker waits long."""

    def __init__(self, partitions: list[tuple[str, int]], max_retries: int, straggler_factor: float | None) -> None:
        ordered = sorted(partitions, key=lambda one: (-one[1], one[0]))
        self._partitions = {name: Partition(name, size) for name, size in ordered}
        self._max_retries = max_retries
        self._straggler_factor = straggler_factor
        self._rates: list[_Rate] = []
        self.retries = 0
        self.failed_in_a_row = 0

    @property
    def over(self) -> bool:
        """Every partition is finished or given up."""
        return self.unfinished == 0

    @property
    def unfinished(self) -> int:
        return sum(not one.over for one in self._partitions.values())

    @property
    def waiting(self) -> int:
        """Partitions that no worker computes, those that wait for another attempt included."""
        return sum(one.waits for one in self._partitions.values())

    @property
    def bytes_left(self) -> int:
        return sum(one.bytes for one in self._partitions.values() if not one.over)

    def take(self, worker: int, now: float) -> str | None:
        """The partition that this idle worker computes now; None if there is none for it."""
        for one in self._partitions.values():
            if one.waits and one.not_before <= now:
                one.worker, one.since = worker, now
                return one.name
        return None

    def next_time(self, now: float) -> float | None:
        """Seconds until a waiting partition may be taken; None if none waits."""
        times = [one.not_before - now for one in self._partitions.values() if one.waits]
        return max(0.0, min(times)) if times else None

    def finish(self, name: str, rows: int, now: float) -> float:
        """The worker finished the partition. Returns the seconds it took."""
        one = self._partitions[name]
        one.finished, one.worker = True, None
        self.failed_in_a_row = 0
        seconds = now - one.since
        self._rates.append(_Rate(seconds / max(1, one.bytes), rows / max(1, one.bytes)))
        return seconds

    def lose(self, name: str, message: str, now: float, *, final: bool = False) -> None:
        """The attempt failed, or its worker died. ``final``: another attempt would end the same."""
        one = self._partitions[name]
        one.worker = None
        one.losses += 1
        self.failed_in_a_row += 1
        if final or one.losses > self._max_retries:
            one.failure = message
        else:
            self.retries += 1
            one.not_before = now + back_off(one.losses)

    def put_back(self, name: str, now: float, *, moved: bool = False) -> None:
        """The attempt ended through no fault of the partition: it waits again, and nothing is counted."""
        one = self._partitions[name]
        one.worker, one.not_before, one.moved = None, now, one.moved or moved

    def give_up(self, message: str) -> None:
        """Fails everything that is not finished."""
        for one in self._partitions.values():
            if not one.over:
                one.worker, one.failure = None, message

    @property
    def failures(self) -> tuple[PartitionFailure, ...]:
        return tuple(
            PartitionFailure(one.name, one.losses, one.failure) for one in self._partitions.values() if one.failure is not None
        )

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
        for one in self._partitions.values():
            if one.worker is None or one.moved:
                continue
            usual = max(MIN_USUAL_SECONDS, pace * one.bytes)
            elapsed = now - one.since
            share = min(0.99, rows.get(one.name, 0) / max(1.0, density * one.bytes))
            left = elapsed * (1 - share) / share if share > 0 else elapsed
            if elapsed > usual and left > self._straggler_factor * usual and (latest is None or left > latest[0]):
                latest = (left, one.name)
        return latest[1] if latest else None
