"""Score data sets with starling-rm's reward models on a Ray cluster.

``score_dataset`` scores a folder of files with exactly-once results. ``Scorer`` adds scores to the batches of a Ray Data data set.
"""

from .dataset import score_dataset
from .errors import (
    CommandNotFoundError,
    FolderNotSharedError,
    IncompleteOutputError,
    InvalidArgumentError,
    ListingError,
    ModelsDifferError,
    NoWorkersError,
    PartitionFailure,
    PartitionsFailedError,
    PlacementError,
    ProtocolError,
    RowError,
    ScorerLostError,
    ScorerStartError,
    StarlingRayError,
)
from .scorer import Scorer
from .summary import Progress, Summary, WorkerState, WorkerSummary, log_progress

__all__ = [
    "CommandNotFoundError",
    "FolderNotSharedError",
    "IncompleteOutputError",
    "InvalidArgumentError",
    "ListingError",
    "ModelsDifferError",
    "NoWorkersError",
    "PartitionFailure",
    "PartitionsFailedError",
    "PlacementError",
    "Progress",
    "ProtocolError",
    "RowError",
    "Scorer",
    "ScorerLostError",
    "ScorerStartError",
    "StarlingRayError",
    "Summary",
    "WorkerState",
    "WorkerSummary",
    "log_progress",
    "score_dataset",
]

__version__ = "0.1.0"
