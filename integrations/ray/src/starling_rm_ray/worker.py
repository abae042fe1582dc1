"""The Ray actor: one scorer with the model loaded once, and what it does with a partition, as a stream of events.

Events are dictionaries with an ``event``: ``placed``, ``listing``, ``problem``, ``loading``, ``ready``, ``progress``, ``done``,
``failed``, ``refused``, ``crashed``, ``broken``. Nothing is raised: an exception from an actor is Ray's, with Ray's traceback.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from dataclasses import dataclass
from typing import Any, Iterator

from .command import ScorerCommand, is_there
from .process import ScorerProcess

Event = dict[str, Any]

IDENTITY_FILE = ".starling-rm-ray"
"""In the output folder: a number made at random, by which workers on other nodes know that it is the same folder."""

SHARED_SECONDS = 60.0
"""How long a new file may take to be seen on another node: network file systems cache what a folder holds for up to a minute."""

PROGRESS_SECONDS = 0.5
"""At most one progress event in this time goes through Ray."""

DATA_CODES = {"ERR_INVALID_DATA", "ERR_INVALID_JSON", "ERR_INVALID_ARGUMENT", "ERR_FILE_NOT_READABLE", "ERR_FILE_NOT_WRITABLE"}
"""Failures that leave the scorer in order. After any other one, the next partition gets a new scorer."""


@dataclass(frozen=True)
class Job:
    """What all workers of a run do."""

    command: ScorerCommand
    input: str
    output: str


class Worker:
    """One actor: computes one partition at a time."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._scorer: ScorerProcess | None = None

    def open(self, identity: str | None) -> Iterator[Event]:
        """Says where the worker is and looks at the folders. The first worker of a run, which knows no ``identity`` of the output
        folder yet, gives it one and lists the partitions."""
        job = self._job
        node = socket.gethostname()
        yield {"event": "placed", "node": node, "pid": os.getpid()}
        if not is_there(job.command.program[0]):
            yield _problem("command", f"Expected the program {job.command.program[0]!r} on node {node}, but it is not on the PATH there. "
                           "Install starling-rm on every node, or name it with command=[\"node\", \"/path/to/dist/cli/main.js\"].")
        elif not os.path.exists(_without_pattern(job.input)):
            yield _problem("shared", f"The input {job.input} is not there on node {node}: every worker needs the same path, "
                           "on a file system that all nodes share.")
        elif identity is None:
            yield self._list(node)
        elif not _has_identity(job.output, identity):
            yield _problem("shared", f"The output {job.output} on node {node} is not the folder that the other workers see: every worker needs "
                           "the same path, on a file system that all nodes share.")

    def score(self, partition: str) -> Iterator[Event]:
        """Computes one partition; ends with ``done``, ``failed``, ``refused``, ``crashed`` or ``broken``."""
        if self._scorer is None or not self._scorer.alive:
            yield {"event": "loading", "scorer_pid": self._spawn()}
            ready = self._await_ready()
            yield ready
            if ready["event"] != "ready":
                return
        assert self._scorer
        self._scorer.send(json.dumps({"partition": partition}).encode() + b"\n")
        last = 0.0
        while True:
            event = self._next()
            kind = event["event"]
            if kind == "progress":
                now = time.monotonic()
                if now - last >= PROGRESS_SECONDS:
                    last = now
                    yield event
                continue
            if kind == "failed" and event.get("code") not in DATA_CODES:
                self._drop()
            yield event
            if kind in ("done", "failed", "crashed", "broken"):
                return

    def confirm(self) -> Event:
        """Runs starling-rm over the whole folder, in which nothing is missing: it loads no model, and refuses another one or other
        settings."""
        _, code, ending = self._run()
        return {"event": "confirmed"} if code in (0, 1) else _problem("listing", f"The output on node {socket.gethostname()}: starling-rm {ending}")

    def check(self) -> Event:
        """Checks the output folder and merges the manifests."""
        lines, code, ending = self._run("--check", "--json")
        try:
            return {"event": "checked", "code": code, "report": json.loads("\n".join(lines))}
        except ValueError:
            return _problem("listing", f"The check of {self._job.output} on node {socket.gethostname()}: starling-rm {ending}")

    def close(self) -> None:
        """Ends the scorer in order."""
        if self._scorer is not None:
            self._scorer.stop()

    def _list(self, node: str) -> Event:
        lines, code, ending = self._run("--list")
        if code != 0:
            return _problem("listing", f"Listing {self._job.input} on node {node}: starling-rm {ending}")
        try:
            partitions = [(str(one["partition"]), int(one["bytes"]), str(one["status"])) for one in map(json.loads, lines)]
        except (ValueError, KeyError, TypeError):
            return {"event": "broken", "message": _unexpected("--list", "\n".join(lines))}
        try:
            identity = _give_identity(self._job.output)
        except OSError as error:
            return _problem("listing", f"The output {self._job.output} cannot be written on node {node}: {error.strerror}.")
        return {"event": "listing", "partitions": partitions, "identity": identity}

    def _run(self, *arguments: str) -> tuple[list[str], int, str]:
        """Runs starling-rm to its end: its lines of output, exit code, and how it ended in words."""
        process = ScorerProcess(self._job.command.line(*arguments))
        process.end_input()
        lines: list[str] = []
        while (line := process.read()) is not None:
            lines.append(line.decode("utf-8", "replace").rstrip("\n"))
        return lines, *process.end()

    def _spawn(self) -> int:
        self._scorer = ScorerProcess(self._job.command.line("--partitions", "-"))
        return self._scorer.pid

    def _await_ready(self) -> Event:
        event = self._next()
        if event["event"] == "crashed":
            return {**event, "event": "refused"}
        if event["event"] not in ("ready", "broken"):
            return {"event": "broken", "message": _unexpected("a start", json.dumps(event))}
        return event

    def _next(self) -> Event:
        assert self._scorer
        line = self._scorer.read()
        if line is None:
            code, ending = self._scorer.end()
            self._scorer = None
            return {"event": "crashed", "code": code, "message": f"starling-rm on node {socket.gethostname()} {ending}"}
        try:
            event = json.loads(line)
            if not isinstance(event["event"], str):
                raise TypeError
            return dict(event)
        except (ValueError, KeyError, TypeError):
            self._drop()
            return {"event": "broken", "message": _unexpected("--partitions", line.decode("utf-8", "replace"))}

    def _drop(self) -> None:
        if self._scorer is not None:
            self._scorer.kill()
            self._scorer = None


def _problem(kind: str, message: str) -> Event:
    return {"event": "problem", "kind": kind, "message": message}


def _unexpected(what: str, text: str) -> str:
    shown = text.strip()[:200]
    return (f"Expected events in JSON lines from starling-rm for {what} on node {socket.gethostname()} but received {shown!r}. "
            "Do the versions of starling-rm and starling-rm-ray belong together?")


def _without_pattern(path: str) -> str:
    """The folder in front of the first part with a wildcard."""
    parts = path.split(os.sep)
    fixed = next((i for i, part in enumerate(parts) if any(one in part for one in "*?[{")), len(parts))
    return os.sep.join(parts[:fixed]) or os.sep


def _give_identity(folder: str) -> str:
    """The identity of the folder, which is made if it is missing. Several runs may do this at once: all get the same."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, IDENTITY_FILE)
    found = _read(path)
    if found is not None:
        return found
    draft = f"{path}.{secrets.token_hex(8)}"
    with open(draft, "x", encoding="ascii") as file:
        file.write(secrets.token_hex(16))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError:
        # A file system without links.
        os.replace(draft, path)
    if os.path.exists(draft):
        os.unlink(draft)
    with open(path, encoding="ascii") as file:
        return file.read()


def _has_identity(folder: str, identity: str) -> bool:
    """Whether the folder is the one with this identity, which another node may have made a moment ago."""
    deadline = time.monotonic() + SHARED_SECONDS
    while (found := _read(os.path.join(folder, IDENTITY_FILE))) is None and time.monotonic() < deadline:
        # Reading the folder makes network file systems ask the server.
        try:
            os.listdir(folder)
        except OSError:
            pass
        time.sleep(0.25)
    return found == identity


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:
        return None
