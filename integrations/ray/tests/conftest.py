"""What the tests share: a Ray of our own, and folders."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest
from local_ray import local_ray


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One for all scorers, and not the user's: which kernels are faster is measured once, and the last digits depend on it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STARLING_RM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def cluster(cache: None) -> Iterator[None]:
    with local_ray(num_cpus=4, num_gpus=2, resources={"scoring": 2}):
        yield


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """An input folder, and an output folder that does not exist yet."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in", tmp_path / "out"
