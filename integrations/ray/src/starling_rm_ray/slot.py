"""The driver's side of one worker: its actor, what it does, and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .summary import WorkerState, WorkerSummary


@dataclass
class Slot:
    """A place for a worker. Its actor may die; the next one takes its number."""

    number: int
    actor: Any = None
    events: Any = None
    """The stream of events of the method that the actor runs; None while it is idle."""
    node: str | None = None
    pid: int | None = None
    scorer_pid: int | None = None
    partition: str | None = None
    rows: int = 0
    """Rows of the running partition so far."""
    heard: float = 0.0
    """When the last event came."""
    not_before: float = 0.0
    """No new actor or partition before this time: the last one was lost."""
    losses: int = 0
    """Losses since the last finished partition."""
    failed_starts: int = 0
    """Starts of the scorer that failed, since the last one that did not."""
    given_up: bool = False
    done_partitions: int = 0
    done_rows: int = 0
    done_seconds: float = 0.0
    restarts: int = 0

    @property
    def placed(self) -> bool:
        """Ray has started its actor."""
        return self.actor is not None and self.pid is not None

    @property
    def state(self) -> WorkerState:
        return WorkerState(self.number, self.node, self.pid, self.scorer_pid, self.partition)

    @property
    def summary(self) -> WorkerSummary:
        return WorkerSummary(
            self.number, self.node, self.done_partitions, self.done_rows, self.done_seconds, self.restarts
        )

    def forget_actor(self) -> None:
        """The actor is gone, and its scorer with it."""
        self.actor = self.events = self.pid = self.scorer_pid = None
        self.forget_partition()

    def forget_partition(self) -> None:
        self.partition, self.rows = None, 0
