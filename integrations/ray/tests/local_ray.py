"""A Ray of our own on this machine: on the loopback interface, in a temporary folder, with nothing sent and nothing left. Import it
before ray, which reads these variables then; its processes inherit them."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

ROOT = Path(__file__).resolve().parents[3]
SOURCE = Path(__file__).resolve().parents[1] / "src"

CLI = ["node", os.environ.get("STARLING_RM_CLI", str(ROOT / "dist" / "cli" / "main.js"))]
"""The built command line of this checkout (``npm run build:ts``)."""

os.environ.update(
    RAY_USAGE_STATS_ENABLED="0",
    # Ray's name for it, on Linux too: without clusters, it listens on the loopback interface only.
    RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",
    # A token of this run, which Ray would otherwise write to the user's home.
    RAY_AUTH_MODE="token",
    RAY_AUTH_TOKEN=secrets.token_hex(32),
    # Ray's workers otherwise wait for whatever else the machine does.
    RAY_worker_niceness="0",
    RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",
    PYTHONDONTWRITEBYTECODE="1",
    PYTHONPATH=os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")])),
)
sys.path.insert(0, str(SOURCE))

STARTS = 5
"""Ray's own limit for its start is 30 seconds, which a busy machine may need more than."""

OBJECT_STORE_BYTES = 80_000_000
"""About the least that Ray takes; events are small."""


@contextmanager
def local_ray(num_cpus: int, num_gpus: int = 0, resources: dict[str, float] | None = None) -> Iterator[None]:
    """Starts Ray, and ends it."""
    # Short: the paths of Ray's sockets may have 107 bytes.
    folder = tempfile.mkdtemp(prefix="r", dir="/tmp")
    try:
        _start(folder, num_cpus=num_cpus, num_gpus=num_gpus, resources=resources)
        yield
    finally:
        import ray

        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: str, **options: Any) -> None:
    import ray

    for start in range(1, STARTS + 1):
        try:
            ray.init(
                include_dashboard=False,
                object_store_memory=OBJECT_STORE_BYTES,
                logging_level=logging.WARNING,
                _temp_dir=folder,
                **options,
            )
            return
        except Exception as error:
            if "timed out" not in str(error) or start == STARTS:
                raise
            ray.shutdown()
