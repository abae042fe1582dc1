"""A Ray of our own on this machine, in a temporary folder that is removed afterwards."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Iterator

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCE = Path(__file__).resolve().parents[1] / "src"

CLI = ["node", os.environ.get("STARLING_RM_CLI", str(ROOT / "dist" / "cli" / "main.js"))]
"""The built command line of this checkout (``npm run build:ts``)."""

# Before Ray is imported: it reads them then. Its processes inherit them.
os.environ.update(
    RAY_USAGE_STATS_ENABLED="0",
    # Loopback only, and with a token of this run, which Ray would otherwise write to the user's home.
    RAY_AUTH_MODE="token",
    RAY_AUTH_TOKEN=secrets.token_hex(32),
    RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",
    PYTHONPATH=os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")])),
)
sys.path.insert(0, str(SOURCE))

import ray  # noqa: E402


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    # Short: the paths of Ray's sockets may have 107 bytes.
    folder = tempfile.mkdtemp(prefix="r", dir="/tmp")
    try:
        ray.init(
            num_cpus=4,
            num_gpus=2,
            resources={"scoring": 2},
            include_dashboard=False,
            object_store_memory=80_000_000,
            logging_level=logging.WARNING,
            _temp_dir=folder,
            _node_ip_address="127.0.0.1",
        )
        yield
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """An input folder, and an output folder that does not exist yet."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in", tmp_path / "out"
