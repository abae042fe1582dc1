"""What a run reports while it works, and at its end."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Mapping

logger = logging.getLogger("starling_rm_ray")


@dataclass(frozen=True)
class WorkerState:
    """A worker while the run works."""

    number: int
    """From 0. A replacement keeps its number."""
    node: str | None
    """Name of the node; None until Ray has placed the worker."""
    pid: int | None
    """Process of the Ray actor on its node."""
    scorer_pid: int | None
    """Process of its scorer (starling-rm) on its node; None before it is started."""
    partition: str | None
    """The partition that it computes."""


@dataclass(frozen=True)
class Progress:
    """The state of a run, as the ``progress`` callback receives it."""

    partitions: int
    """All partitions of the input."""
    partitions_done: int
    """Those that are finished, the ones of earlier runs included."""
    rows: int
    """Rows computed in this run: those of finished partitions, and of running ones as far as they have got."""
    failures: int
    """Rows in finished partitions of this run that could not be scored; they carry an error in place of a score."""
    retries: int
    """Attempts in this run that were lost: a scorer or worker died, hung or failed."""
    seconds: float
    """Since the call."""
    remaining_seconds: float | None
    """Estimated from the bytes that are left and the rate so far; None before the first partition is finished."""
    workers: tuple[WorkerState, ...]


@dataclass(frozen=True)
class WorkerSummary:
    """What one worker did in a run."""

    number: int
    node: str | None
    partitions: int
    rows: int
    seconds: float
    """Seconds in which it computed partitions that were finished."""
    restarts: int
    """How often its actor or scorer was replaced."""


@dataclass(frozen=True)
class Summary:
    """What a run did, and what the output folder now holds."""

    partitions: int
    """Partitions of the input; all are in the output."""
    written: int
    """Partitions that this run computed."""
    kept: int
    """Partitions that were whole already."""
    rows: int
    """Rows computed in this run."""
    failures: int
    """Rows computed in this run that could not be scored; their output rows carry an error."""
    retries: int
    """Attempts that were lost and made again."""
    seconds: float
    """Wall time of the call, the start of the workers included."""
    fingerprint: str | None
    """The model's fingerprint; None if nothing was computed."""
    workers: tuple[WorkerSummary, ...]
    check: Mapping[str, Any] | None
    """The report of ``starling-rm … --check --json`` on the output: its rows and failures are those of the whole folder. None with
    ``verify=False`` and if partitions failed."""

    @property
    def rows_per_second(self) -> float:
        """Rows of this run by its wall time."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0


def log_progress(progress: Progress) -> None:
    """The default of ``progress``: a line on the logger ``starling_rm_ray``, at INFO."""
    running = sum(worker.partition is not None for worker in progress.workers)
    left = "" if progress.remaining_seconds is None else f", {duration(progress.remaining_seconds)} left"
    lost = f", {progress.retries} attempts lost" if progress.retries else ""
    failed = f", {progress.failures} rows failed" if progress.failures else ""
    logger.info(
        "%d of %d partitions, %d rows in %s, %d of %d workers busy%s%s%s",
        progress.partitions_done,
        progress.partitions,
        progress.rows,
        duration(progress.seconds),
        running,
        len(progress.workers),
        failed,
        lost,
        left,
    )


def duration(seconds: float) -> str:
    """A time for people: 12 s, 3 min 20 s, 5 h 12 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
