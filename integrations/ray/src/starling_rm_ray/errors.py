"""What can go wrong. Every error says what was wrong, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .summary import Summary


class StarlingRayError(Exception):
    """The base of this package's errors."""


class InvalidArgumentError(StarlingRayError, ValueError):
    """An argument has the wrong type or value, or names an option that this package sets itself."""


class CommandNotFoundError(StarlingRayError):
    """The program starling-rm is not on a node's PATH."""


class FolderNotSharedError(StarlingRayError):
    """A worker does not see the input, or sees another output folder than the other workers."""


class ScorerStartError(StarlingRayError):
    """starling-rm ended before it was ready: a wrong option, a missing model, too little memory.

    ``node`` is the node's name, ``exit_code`` the program's (negative: the signal that ended it).
    """

    def __init__(self, message: str, node: str = "", exit_code: int | None = None) -> None:
        super().__init__(message, node, exit_code)
        self.node = node
        self.exit_code = exit_code

    def __str__(self) -> str:
        return str(self.args[0])


class ScorerLostError(StarlingRayError):
    """The scorer of a Ray Data worker died over one batch more often than it may."""


class RowError(StarlingRayError):
    """A row of a Ray Data batch cannot be scored."""


class ProtocolError(StarlingRayError):
    """starling-rm wrote something that this version of the package does not understand."""


class ListingError(StarlingRayError):
    """The input could not be listed, or the output not checked: starling-rm's own message says why."""


class ModelsDifferError(StarlingRayError):
    """Two workers loaded models with different fingerprints, so their scores cannot be compared."""


class PlacementError(StarlingRayError):
    """Ray placed no worker in time: no node has what each of them asks for, or all are busy."""


class NoWorkersError(StarlingRayError):
    """Every worker was given up, because its scorer failed to start again and again."""


class IncompleteOutputError(StarlingRayError):
    """After the run, the check of the output folder found something missing or damaged."""


@dataclass(frozen=True)
class PartitionFailure:
    """A partition that was given up."""

    partition: str
    """Its path, relative to the input."""
    attempts: int
    message: str
    """What the last attempt failed with."""


class PartitionsFailedError(StarlingRayError):
    """Some partitions failed as often as they may. All others are finished; a rerun computes only the failed ones.

    ``failures`` names them, ``summary`` says what was finished.
    """

    def __init__(self, message: str, failures: tuple[PartitionFailure, ...], summary: Summary) -> None:
        super().__init__(message, failures, summary)
        self.failures = failures
        self.summary = summary

    def __str__(self) -> str:
        return str(self.args[0])
