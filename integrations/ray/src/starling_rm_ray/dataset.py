"""``score_dataset``: a folder of rows on a Ray cluster."""

from __future__ import annotations

import os
from typing import Any, Callable, Literal, Mapping, Sequence

import ray
from ray.util.client import ray as client

from .command import OptionValue, ScorerCommand, command_line_options, engine_options, model_of, program_of, user_options
from .errors import InvalidArgumentError, StarlingRayError
from .run import Run, Settings
from .summary import Progress, Summary, log_progress
from .worker import Job

MAX_WORKERS = 10_000
"""More actors than that on one driver were never tried."""

OWN_ACTOR_OPTIONS = {"num_cpus", "num_gpus", "resources", "max_restarts", "max_task_retries", "max_concurrency", "concurrency_groups", "lifetime"}
"""Ray's options that this package sets itself."""


def score_dataset(
    input: str | os.PathLike[str],
    output: str | os.PathLike[str],
    model: str | os.PathLike[str],
    num_workers: int = 1,
    *,
    num_cpus: float = 1,
    num_gpus: float = 0,
    resources: Mapping[str, float] | None = None,
    task: Literal["score", "rank"] = "score",
    options: Mapping[str, OptionValue] | None = None,
    command: str | Sequence[str] = "starling-rm",
    max_retries: int = 5,
    stall_timeout: float | None = 1800,
    straggler_factor: float | None = 2.0,
    placement_timeout: float | None = 600,
    verify: bool = True,
    actor_options: Mapping[str, Any] | None = None,
    progress: Callable[[Progress], None] | None = log_progress,
    progress_seconds: float = 10.0,
) -> Summary:
    """Scores every file of a folder on a Ray cluster, one output file for each, and returns what was done.

    Each file of the input is a partition. A worker is a Ray actor that holds one ``starling-rm`` process with the model loaded once.
    Workers take the largest partitions first, one at a time. An output file appears under its name only when it is whole, so a run
    may be killed at any point: the next call with the same arguments computes only what is missing. Workers, scorers and nodes that
    die are replaced.

    Uses the cluster that this process is connected to (``ray.init``), or starts or finds one as Ray does by default.

    :param input: folder, or a pattern in it (``/data/rows/*.jsonl``). The path must mean the same on every node.
    :param output: folder, made if it is missing; on a file system that all nodes share.
    :param model: GGUF file at the same path on every node, ``hf:OWNER/NAME/FILE.gguf``, or ``tiny`` for the demonstration model.
    :param num_workers: workers at most, from 1. No more are started than there are partitions to compute.
    :param num_cpus: Ray's CPUs for each worker; also its threads, rounded down, at least 1.
    :param num_gpus: Ray's GPUs for each worker. Ray shows a worker only its own. 0: the scorer uses no GPU.
    :param resources: custom resources that each worker asks for, such as ``{"scoring": 1}``.
    :param task: ``score``, or ``rank`` to sort the responses of each row.
    :param options: other options of ``starling-rm score`` or ``rank`` by name: ``{"batch_mode": "exact", "field": ["prompt=question"]}``.
    :param command: the program on every node, or a list of it and its first arguments: ``["node", "/opt/starling-rm/dist/cli/main.js"]``.
    :param max_retries: how often an attempt at a partition may be lost before the partition is given up; from 0.
    :param stall_timeout: seconds without a sign of progress, the loading of the model included, after which a worker is replaced; None: never.
    :param straggler_factor: a partition is moved from a slow worker to an idle one if its rest would take this many times what all of it
        takes on the others; None: never.
    :param placement_timeout: seconds to wait while Ray can place no worker at all; None: for ever.
    :param verify: check the whole output at the end.
    :param actor_options: other options of Ray's actors: ``scheduling_strategy``, ``runtime_env``, ``memory``, ``label_selector`` …
    :param progress: called now and then with the state of the run; the default logs a line. An exception from it ends the run.
    :param progress_seconds: seconds between two calls of ``progress``, from 0.01.

    :raises InvalidArgumentError: an argument is wrong
    :raises CommandNotFoundError: starling-rm is not on a node
    :raises FolderNotSharedError: a worker does not see the input or the output
    :raises ListingError: the input cannot be listed, or the output was written with another model or other settings
    :raises ScorerStartError: starling-rm refuses to start: its message says why
    :raises ModelsDifferError: two nodes have different models under one name
    :raises PlacementError: Ray placed no worker in time
    :raises NoWorkersError: all workers were given up
    :raises PartitionsFailedError: some partitions failed too often; the others are finished
    :raises IncompleteOutputError: the final check found something missing
    """
    if task not in ("score", "rank"):
        raise InvalidArgumentError(f"Expected \"score\" or \"rank\" for task but received {task!r}.")
    workers = _whole(num_workers, "num_workers", 1, MAX_WORKERS)
    retries = _whole(max_retries, "max_retries", 0, 1_000_000)
    cpus = _amount(num_cpus, "num_cpus", 0)
    gpus = _amount(num_gpus, "num_gpus", 0)
    folders = {"input": _path(input, "input"), "output": _path(output, "output")}
    given = dict(options or {})
    line = command_line_options({"model": model_of(model), "input": folders["input"], "output": os.path.join(folders["output"], "")})
    scorer = ScorerCommand(
        program_of(command), task, (*line, *engine_options(cpus, gpus, given), *user_options(given), "--quiet", "--no-progress")
    )
    settings = Settings(
        num_workers=workers,
        actor_options=_actor_options(cpus, gpus, resources, actor_options),
        max_retries=retries,
        straggler_factor=None if straggler_factor is None else _amount(straggler_factor, "straggler_factor", 1),
        stall_timeout=None if stall_timeout is None else _amount(stall_timeout, "stall_timeout", 0.1),
        placement_timeout=None if placement_timeout is None else _amount(placement_timeout, "placement_timeout", 0.1),
        verify=bool(verify),
        progress=progress,
        progress_seconds=_amount(progress_seconds, "progress_seconds", 0.01),
    )
    if _is_client():
        raise StarlingRayError(
            "Expected a driver on the cluster, but this one is connected by Ray Client (ray://), which has no streams of events. "
            "Submit the script with `ray job submit`."
        )
    if not ray.is_initialized():
        ray.init()
    return Run(Job(scorer, folders["input"], folders["output"]), settings).execute()


def _is_client() -> bool:
    connection: Any = client
    return bool(connection.is_connected())


def _actor_options(
    num_cpus: float, num_gpus: float, resources: Mapping[str, float] | None, more: Mapping[str, Any] | None
) -> dict[str, Any]:
    wrong = OWN_ACTOR_OPTIONS.intersection(more or {})
    if wrong:
        raise InvalidArgumentError(f"Expected actor_options without {', '.join(sorted(wrong))}: score_dataset sets them.")
    return {
        "max_restarts": 0,
        **(more or {}),
        "num_cpus": num_cpus,
        "num_gpus": num_gpus,
        "resources": {name: _amount(amount, f"resources[{name!r}]", 0) for name, amount in (resources or {}).items()},
    }


def _path(path: str | os.PathLike[str], name: str) -> str:
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else ""
    if not isinstance(text, str) or not text:
        raise InvalidArgumentError(f"Expected a path for {name} but received {path!r}.")
    scheme, separator, _ = text.partition("://")
    if separator and scheme.isalnum():
        raise InvalidArgumentError(f"Expected a path on a file system that all nodes share for {name} but received {text!r}.")
    return os.path.abspath(text)


def _whole(value: object, name: str, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidArgumentError(f"Expected a whole number from {least} to {most} for {name} but received {value!r}.")
    return value


def _amount(value: object, name: str, least: float) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not least <= value < float("inf"):
        raise InvalidArgumentError(f"Expected a number from {least:g} for {name} but received {value!r}.")
    return value
