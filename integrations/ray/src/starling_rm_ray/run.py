"""One run: actors are placed, fed with partitions, watched and replaced until every partition is finished or given up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Mapping

import ray
from ray.exceptions import RayActorError, RayError, RuntimeEnvSetupError

from .errors import (
    CommandNotFoundError,
    FolderNotSharedError,
    IncompleteOutputError,
    ListingError,
    ModelsDifferError,
    NoWorkersError,
    PartitionsFailedError,
    ProtocolError,
    ScorerStartError,
    StarlingRayError,
)
from .placement import Placement
from .schedule import Schedule, back_off
from .slot import Slot
from .summary import Progress, Summary, duration, logger
from .tally import Tally
from .worker import DATA_CODES, Event, Job, Worker

TICK_SECONDS = 0.5
"""How often the driver looks at clocks while no event comes."""

MAX_FAILED_STARTS = 5
"""Starts of a scorer that may fail in a row before its worker is given up."""

MIN_FAILED_IN_A_ROW = 10
"""Lost attempts, one after another and none finished between, before the run is given up; at least two for each worker."""

CLOSE_SECONDS = 15.0
"""How long the workers may take to end in order."""

FINAL_CODES = DATA_CODES - {"ERR_FILE_NOT_READABLE", "ERR_FILE_NOT_WRITABLE"}
"""Failures that another attempt would only repeat. A file system may be back by then."""

PROBLEMS: Mapping[str, type[StarlingRayError]] = {
    "command": CommandNotFoundError,
    "shared": FolderNotSharedError,
    "listing": ListingError,
}


@dataclass(frozen=True)
class Settings:
    """How a run behaves."""

    num_workers: int
    actor_options: Mapping[str, Any]
    max_retries: int
    straggler_factor: float | None
    stall_timeout: float | None
    placement_timeout: float | None
    verify: bool
    progress: Callable[[Progress], None] | None
    progress_seconds: float


class Run:
    """A run on the cluster that this process is connected to."""

    def __init__(self, job: Job, settings: Settings) -> None:
        self._job = job
        self._settings = settings
        self._slots = [Slot(number) for number in range(settings.num_workers)]
        self._schedule = Schedule([], settings.max_retries, settings.straggler_factor)
        self._tally = Tally(settings.progress, settings.progress_seconds)
        self._placement = Placement(settings.actor_options, settings.placement_timeout)
        self._identity: str | None = None
        """Of the output folder; None until the first worker has seen it."""
        self._first_node = ""
        """The node that loaded the model first."""

    def execute(self) -> Summary:
        """Runs to the end. Whatever happens, no actor and no scorer is left."""
        in_order = False
        try:
            self._list()
            if self._schedule.over:
                # Nothing is missing. Still, the output may be another model's.
                self._ask("confirm")
            self._work()
            self._tally.report(self._schedule, self._slots, final=True)
            if self._schedule.failures:
                raise self._failed()
            check = self._check() if self._settings.verify else None
            in_order = True
            return self._tally.summary(self._schedule, self._slots, check)
        finally:
            self._close(in_order)

    # The partitions

    def _list(self) -> None:
        """Waits for the first worker, which lists the partitions. A lost one is replaced a few times."""
        slot = self._slots[0]
        while True:
            if slot.actor is None and time.monotonic() >= slot.not_before:
                self._place(slot)
            for _, event in self._next_events(TICK_SECONDS):
                if event["event"] == "listing":
                    self._identity = event["identity"]
                    self._plan(event["partitions"])
                    self._drain(slot)
                    return
            if slot.failed_starts >= MAX_FAILED_STARTS:
                raise NoWorkersError(f"The first worker died {slot.failed_starts} times before it had listed {self._job.input}.")
            self._placement.look(any(slot.placed for slot in self._slots))

    def _plan(self, partitions: list[tuple[str, int, str]]) -> None:
        missing = [(name, size) for name, size, status in partitions if status != "whole"]
        self._schedule = Schedule(missing, self._settings.max_retries, self._settings.straggler_factor)
        self._tally.begin(len(partitions), len(missing), self._schedule.bytes_left)
        logger.info("%d partitions, %d of them whole already", len(partitions), self._tally.kept)

    # The loop

    def _work(self) -> None:
        while not self._schedule.over:
            now = time.monotonic()
            self._assign(now)
            self._move_straggler(now)
            wait = min(TICK_SECONDS, self._settings.progress_seconds, self._schedule.next_time(now) or TICK_SECONDS)
            self._next_events(wait)
            self._watch(time.monotonic())
            self._tally.report(self._schedule, self._slots)

    def _assign(self, now: float) -> None:
        """Gives idle workers work, and places workers that are missing: no more than there are partitions for."""
        idle = sum(slot.actor is not None and slot.partition is None for slot in self._slots)
        for slot in self._slots:
            if slot.given_up or now < slot.not_before:
                continue
            if slot.actor is None:
                if self._schedule.waiting > idle:
                    self._place(slot)
                    idle += 1
            elif slot.events is None:
                name = self._schedule.take(now)
                if name is not None:
                    slot.partition, slot.rows, slot.heard = name, 0, now
                    slot.events = slot.actor.score.options(num_returns="streaming").remote(name)

    def _place(self, slot: Slot) -> None:
        slot.actor = ray.remote(Worker).options(**self._settings.actor_options).remote(self._job)
        slot.events = slot.actor.open.options(num_returns="streaming").remote(self._identity)
        slot.heard = time.monotonic()

    def _next_events(self, timeout: float) -> list[tuple[Slot, Event]]:
        """Waits for events, handles all that are there, and returns them."""
        streams = {slot.events: slot for slot in self._slots if slot.events is not None}
        if not streams:
            time.sleep(timeout)
            return []
        ready, _ = ray.wait(list(streams), num_returns=1, timeout=timeout, fetch_local=False)
        if ready and len(streams) > 1:
            ready, _ = ray.wait(list(streams), num_returns=len(streams), timeout=0, fetch_local=False)
        events: list[tuple[Slot, Event]] = []
        for stream in ready:
            slot = streams[stream]
            if slot.events is not stream:
                continue
            try:
                event: Event = ray.get(next(stream))
            except StopIteration:
                slot.events = None
                slot.forget_partition()
            except RayError as error:
                self._actor_failed(slot, error)
            else:
                slot.heard = time.monotonic()
                self._handle(slot, event)
                events.append((slot, event))
        return events

    def _drain(self, slot: Slot) -> None:
        while slot.events is not None:
            self._next_events(TICK_SECONDS)

    # Events

    def _handle(self, slot: Slot, event: Event) -> None:
        kind = event["event"]
        if kind == "placed":
            slot.node, slot.pid = event["node"], event["pid"]
        elif kind == "loading":
            slot.scorer_pid = event["scorer_pid"]
        elif kind == "ready":
            slot.failed_starts = 0
            self._compare_model(slot, str(event.get("fingerprint", "")))
        elif kind == "progress":
            slot.rows = int(event["rows"])
        elif kind == "done":
            self._finished(slot, event)
        elif kind == "failed":
            message = f"{event.get('message')} ({event.get('code')}, node {slot.node})"
            self._lost(slot, message, final=event.get("code") in FINAL_CODES)
        elif kind == "crashed":
            slot.scorer_pid = None
            self._lost(slot, event["message"])
        elif kind == "refused":
            self._refused(slot, ScorerStartError(event["message"], slot.node or "", event["code"]))
        elif kind == "problem":
            self._refused(slot, _problem(event))
        elif kind == "broken":
            raise ProtocolError(event["message"])

    def _finished(self, slot: Slot, event: Event) -> None:
        assert slot.partition is not None
        rows, failures = int(event["rows"]), int(event["failures"])
        seconds = self._schedule.finish(slot.partition, rows, time.monotonic())
        slot.losses = 0
        self._tally.finished(slot, event["status"], rows, failures, seconds)
        slot.forget_partition()

    def _lost(self, slot: Slot, message: str, *, final: bool = False) -> None:
        """An attempt at a partition is lost."""
        now = time.monotonic()
        slot.losses += 1
        slot.restarts += slot.scorer_pid is None
        if slot.partition is not None:
            logger.warning("%s: %s", slot.partition, message)
            self._schedule.lose(slot.partition, message, now, final=final)
            slot.forget_partition()
        if not final:
            slot.not_before = now + back_off(slot.losses)
        if self._schedule.given_up is None and self._schedule.failed_in_a_row >= max(MIN_FAILED_IN_A_ROW, 2 * len(self._slots), self._settings.max_retries + 1):
            self._schedule.give_up(f"Given up after {self._schedule.failed_in_a_row} lost attempts in a row; the last one: {message}")

    def _refused(self, slot: Slot, error: StarlingRayError) -> None:
        """The worker's node cannot score. Fatal for the run if none could so far and the scorer itself says so."""
        if slot.partition is not None:
            self._schedule.put_back(slot.partition, time.monotonic())
            slot.forget_partition()
        was_killed = isinstance(error, ScorerStartError) and (error.exit_code or 0) < 0
        if self._tally.fingerprint is None and not was_killed:
            raise error
        self._start_failed(slot, error)

    def _start_failed(self, slot: Slot, error: StarlingRayError) -> None:
        """The worker did not get as far as a partition: it is replaced, and in the end given up."""
        slot.failed_starts += 1
        slot.restarts += 1
        logger.warning("Worker %d: %s", slot.number, error)
        self._replace(slot)
        if slot.failed_starts >= MAX_FAILED_STARTS:
            slot.given_up = True
            logger.error("Worker %d is given up after %d failed starts.", slot.number, slot.failed_starts)
            if all(one.given_up for one in self._slots):
                raise NoWorkersError(
                    f"No worker is left: each failed to start {MAX_FAILED_STARTS} times in a row. The last one: {error}"
                ) from error

    def _compare_model(self, slot: Slot, fingerprint: str) -> None:
        if self._tally.fingerprint is None:
            self._tally.fingerprint, self._first_node = fingerprint, slot.node or ""
        elif self._tally.fingerprint != fingerprint:
            raise ModelsDifferError(
                f"Expected one model on all nodes, but node {slot.node} loaded one with the fingerprint {fingerprint}, and node "
                f"{self._first_node} one with {self._tally.fingerprint}. Copy the same file to both."
            )

    # Actors that die, hang, crawl, or are never placed

    def _actor_failed(self, slot: Slot, error: RayError) -> None:
        if isinstance(error, RuntimeEnvSetupError) or getattr(error, "actor_init_failed", False):
            raise StarlingRayError(
                "Ray could not start a worker. Is the Python package starling-rm-ray installed on every node (or in a runtime_env)? "
                f"Ray says: {_first_lines(str(error))}"
            ) from error
        message = f"The worker on node {slot.node} died: {_first_lines(str(error))}"
        if slot.partition is None:
            self._start_failed(slot, StarlingRayError(message))
        else:
            self._lost_actor(slot, message)

    def _lost_actor(self, slot: Slot, message: str) -> None:
        slot.scorer_pid = None
        self._lost(slot, message)
        self._replace(slot)

    def _replace(self, slot: Slot) -> None:
        """Ends the actor, if it still lives. The slot gets another one after a while."""
        _kill(slot.actor)
        slot.forget_actor()
        slot.not_before = time.monotonic() + back_off(max(1, slot.losses, slot.failed_starts))

    def _watch(self, now: float) -> None:
        limit = self._settings.stall_timeout
        for slot in self._slots:
            if limit is not None and slot.partition is not None and now - slot.heard > limit:
                self._lost_actor(slot, f"The scorer on node {slot.node} said nothing for {duration(now - slot.heard)} and was replaced.")
        self._placement.look(any(slot.placed for slot in self._slots))

    def _move_straggler(self, now: float) -> None:
        """Takes a partition from a worker that is much too slow, if another one has nothing to do."""
        if not any(slot.placed and slot.events is None and now >= slot.not_before for slot in self._slots):
            return
        running = {slot.partition: slot for slot in self._slots if slot.partition is not None}
        name = self._schedule.straggler(now, {partition: slot.rows for partition, slot in running.items()})
        if name is None:
            return
        slot = running[name]
        logger.warning("%s is moved: worker %d on node %s is much slower than the others.", name, slot.number, slot.node)
        self._schedule.put_back(name, now, moved=True)
        slot.restarts += 1
        self._replace(slot)

    # The end

    def _check(self) -> Mapping[str, Any]:
        """The merged manifests."""
        event = self._ask("check")
        report: Mapping[str, Any] = event["report"]
        if event["code"] not in (0, 1):
            raise IncompleteOutputError(
                f"The check of {self._job.output} after the run found that it is not complete: {str(report)[:500]}. "
                "Did something else write there? Run again: only what is missing is computed."
            )
        return report

    def _ask(self, method: str) -> Event:
        """Calls a method of any worker that is there, and raises a problem that it answers. Lost ones are replaced a few times."""
        attempts = 0
        while True:
            slot = next((one for one in self._slots if one.placed), self._slots[0])
            try:
                if slot.actor is None:
                    time.sleep(max(0.0, slot.not_before - time.monotonic()))
                    self._place(slot)
                    self._drain(slot)
                    continue
                event: Event = ray.get(getattr(slot.actor, method).remote())
            except RayActorError as error:
                attempts += 1
                if attempts >= MAX_FAILED_STARTS:
                    raise NoWorkersError(f"The output {self._job.output} could not be checked: the worker died {attempts} times.") from error
                slot.failed_starts = attempts
                self._replace(slot)
            else:
                if event["event"] == "problem":
                    raise _problem(event)
                return event

    def _failed(self) -> PartitionsFailedError:
        failures = self._schedule.failures
        first = failures[0]
        reason = self._schedule.given_up or f"{first.partition} after {first.attempts} attempts: {first.message}"
        return PartitionsFailedError(
            f"{len(failures)} of {self._tally.partitions} partitions failed; the others are finished, and a rerun computes only the failed ones. "
            + reason,
            failures,
            self._tally.summary(self._schedule, self._slots, None),
        )

    def _close(self, in_order: bool) -> None:
        """Ends all actors. Only a finished run waits for them."""
        idle = [slot for slot in self._slots if slot.placed and slot.partition is None] if in_order else []
        closing = [slot.actor.close.remote() for slot in idle]
        if closing:
            ray.wait(closing, num_returns=len(closing), timeout=CLOSE_SECONDS)
        for slot in self._slots:
            _kill(slot.actor)
            slot.forget_actor()


def _problem(event: Event) -> StarlingRayError:
    return PROBLEMS[event["kind"]](event["message"])


def _kill(actor: Any) -> None:
    if actor is not None and ray.is_initialized():
        ray.kill(actor)


def _first_lines(text: str) -> str:
    return " ".join(line.strip() for line in text.strip().splitlines()[:4])
