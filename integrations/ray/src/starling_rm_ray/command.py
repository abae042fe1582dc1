"""The command line of the scorer: starling-rm with its options."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import Mapping, Sequence, Union

from .errors import InvalidArgumentError

OptionValue = Union[str, int, float, bool, None, Sequence[Union[str, int, float]]]
"""True: the flag alone; False: ``--no-…``; None: left out; a sequence: the option repeated."""

EMBEDDED_MODEL = "tiny"
"""The demonstration model that ships with starling-rm."""

OWN_OPTIONS = {
    "model": "give it as the argument model",
    "input": "give it as the argument input",
    "output": "give it as the argument output",
    "threads": "it follows from num_cpus",
    "partitions": "this package sets it",
    "shard": "Ray distributes the partitions",
    "list": "this package sets it",
    "check": "this package sets it",
    "json": "this package sets it",
    "quiet": "this package sets it",
    "progress": "this package sets it",
    "resume": "a rerun computes only what is missing",
}
"""Options that a caller may not set, and why."""

PATH_OPTIONS = {"head"}
"""Options whose value is a file: made absolute, because a worker's working folder is another."""


@dataclass(frozen=True)
class ScorerCommand:
    """How to start starling-rm: the program, the subcommand and the options."""

    program: tuple[str, ...]
    subcommand: str
    options: tuple[str, ...]

    def line(self, *more: str) -> list[str]:
        """The whole command line."""
        return [*self.program, self.subcommand, *self.options, *more]


def program_of(command: str | Sequence[str]) -> tuple[str, ...]:
    """``command`` as a list: a program, or a program and its first arguments, such as ``["node", "/opt/starling-rm/dist/cli/main.js"]``."""
    program = (command,) if isinstance(command, str) else tuple(command)
    if not program or not all(isinstance(part, str) and part for part in program):
        raise InvalidArgumentError(f"Expected a program or a list of its parts for command but received {command!r}.")
    return program


def is_there(program: str) -> bool:
    """Whether the program can be started on this node."""
    return shutil.which(program) is not None


def model_of(model: str | os.PathLike[str]) -> str:
    """The model as every worker can name it: an absolute path, ``hf:…`` or ``tiny``."""
    name = os.fspath(model)
    if not isinstance(name, str) or not name:
        raise InvalidArgumentError(f"Expected a GGUF file, hf:OWNER/NAME/FILE.gguf or \"tiny\" for model but received {model!r}.")
    return name if name == EMBEDDED_MODEL or name.startswith("hf:") else os.path.abspath(name)


def threads_of(num_cpus: float) -> int:
    """Threads for a worker with this many of Ray's CPUs: at least one."""
    return max(1, int(num_cpus))


def engine_options(num_cpus: float, num_gpus: float, options: Mapping[str, OptionValue]) -> list[str]:
    """The options that follow from what Ray gives a worker.

    With GPUs the backend is CUDA, whose devices Ray assigns by CUDA_VISIBLE_DEVICES, and a worker whose CUDA cannot be used fails
    instead of computing on the CPU. Without, it is ``off``: a CPU worker must not take a GPU that Ray gave to somebody else.
    """
    own = {} if "gpu" in options else {"gpu": "cuda" if num_gpus > 0 else "off"}
    return command_line_options({**own, "threads": threads_of(num_cpus)})


def user_options(options: Mapping[str, OptionValue]) -> list[str]:
    """Checked options of the caller. Names may have underscores for hyphens."""
    for name in options:
        reason = OWN_OPTIONS.get(str(name).replace("_", "-").removeprefix("no-"))
        if reason is not None:
            raise InvalidArgumentError(f"Expected options without {name!r}: {reason}.")
    return command_line_options(options)


def command_line_options(options: Mapping[str, OptionValue]) -> list[str]:
    """``{"batch_mode": "exact", "mmap": False}`` as ``["--batch-mode=exact", "--no-mmap"]``."""
    return [argument for name, value in options.items() for argument in _option(name, value)]


def _option(name: str, value: OptionValue) -> list[str]:
    if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum() or name.startswith("-"):
        raise InvalidArgumentError(f"Expected the name of an option without its hyphens, such as \"batch_mode\", but received {name!r}.")
    flag = name.replace("_", "-")
    if value is None:
        return []
    if value is True:
        return [f"--{flag}"]
    if value is False:
        return [f"--no-{flag}"]
    if isinstance(value, (str, int, float)):
        return [f"--{flag}={os.path.abspath(str(value)) if flag in PATH_OPTIONS else value}"]
    if isinstance(value, Sequence) and all(isinstance(one, (str, int, float)) and not isinstance(one, bool) for one in value):
        return [f"--{flag}={one}" for one in value]
    raise InvalidArgumentError(f"Expected a text, a number, a list of them, True, False or None for the option {name} but received {value!r}.")
