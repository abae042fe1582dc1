"""What a run has done so far: the numbers of its progress and of its summary."""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping, Sequence

from .schedule import Schedule
from .slot import Slot
from .summary import Progress, Summary


class Tally:
    """Counts of one run."""

    def __init__(self, report: Callable[[Progress], None] | None, every_seconds: float) -> None:
        self.partitions = self.kept = self.written = self.rows = self.failures = 0
        self.fingerprint: str | None = None
        self._report = report
        self._every = every_seconds
        self._reported = -float("inf")
        self._started = self._worked_since = time.monotonic()
        self._bytes = 0

    def begin(self, partitions: int, missing: int, missing_bytes: int) -> None:
        """The partitions are known."""
        self.partitions, self.kept, self._bytes = partitions, partitions - missing, missing_bytes
        self._worked_since = time.monotonic()

    def finished(self, slot: Slot, status: str, rows: int, failures: int, seconds: float) -> None:
        """A worker finished a partition, or found it whole."""
        if status == "kept":
            self.kept += 1
            return
        self.written += 1
        self.rows += rows
        self.failures += failures
        slot.done_partitions += 1
        slot.done_rows += rows
        slot.done_seconds += seconds

    def report(self, schedule: Schedule, slots: Sequence[Slot], *, final: bool = False) -> None:
        """Calls the callback, if it is time to."""
        now = time.monotonic()
        if self._report is None or (not final and now - self._reported < self._every):
            return
        self._reported = now
        left = schedule.bytes_left
        done = self._bytes - left
        self._report(
            Progress(
                partitions=self.partitions,
                partitions_done=self.kept + self.written,
                rows=self.rows + sum(slot.rows for slot in slots),
                failures=self.failures,
                retries=schedule.retries,
                seconds=now - self._started,
                remaining_seconds=(now - self._worked_since) * left / done if done > 0 else None,
                workers=tuple(slot.state for slot in slots),
            )
        )

    def summary(self, schedule: Schedule, slots: Sequence[Slot], check: Mapping[str, Any] | None) -> Summary:
        return Summary(
            partitions=self.partitions,
            written=self.written,
            kept=self.kept,
            rows=self.rows,
            failures=self.failures,
            retries=schedule.retries,
            seconds=time.monotonic() - self._started,
            fingerprint=self.fingerprint,
            workers=tuple(slot.summary for slot in slots),
            check=check,
        )
