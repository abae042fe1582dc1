"""Rows per second with 1 and 2 workers of one thread each: ``python bench/scaling.py [--rows 20000] [--repetitions 5]``.

Times only the computing: from the first progress of a partition to the last one, with every worker loaded, so neither the start
of Ray nor of the scorers counts. Both numbers of workers take turns, because a machine's load changes. Prints medians and spreads.
"""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SOURCE = HERE.parent / "src"
os.environ.update(
    RAY_USAGE_STATS_ENABLED="0",
    RAY_AUTH_MODE="token",
    RAY_AUTH_TOKEN=secrets.token_hex(32),
    PYTHONPATH=os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")])),
)
sys.path[:0] = [str(SOURCE), str(HERE.parent / "tests")]

import ray  # noqa: E402
from rows import write_partitions  # noqa: E402

from starling_rm_ray import Progress, score_dataset  # noqa: E402

CLI = ["node", os.environ.get("STARLING_RM_CLI", str(ROOT / "dist" / "cli" / "main.js"))]


class Rate:
    """Rows per second between the first moment at which all workers compute and the last at which they do."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._first: tuple[float, int] | None = None
        self._last: tuple[float, int] | None = None

    def watch(self, progress: Progress) -> None:
        if progress.rows == 0 or sum(worker.partition is not None for worker in progress.workers) < self._workers:
            return
        self._last = (time.monotonic(), progress.rows)
        self._first = self._first or self._last

    @property
    def rows_per_second(self) -> float:
        assert self._first and self._last and self._last[0] > self._first[0], "too few rows: give more of them with --rows"
        return (self._last[1] - self._first[1]) / (self._last[0] - self._first[0])


def measure(folder: Path, workers: int) -> tuple[float, float]:
    """Rows per second while all workers compute, and over the whole call."""
    output = Path(tempfile.mkdtemp(dir=folder.parent))
    rate = Rate(workers)
    summary = score_dataset(folder, output, "tiny", workers, command=CLI, progress=rate.watch, progress_seconds=0.05, verify=False)
    shutil.rmtree(output)
    return rate.rows_per_second, summary.rows_per_second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--partitions", type=int, default=40)
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {options.rows} rows in {options.partitions} partitions")
    try:
        ray.init(num_cpus=2, include_dashboard=False, object_store_memory=80_000_000, logging_level=logging.WARNING, _temp_dir=str(folder / "ray"))
        write_partitions(folder / "in", options.partitions, options.rows)
        rates: dict[int, list[float]] = {1: [], 2: []}
        for turn in range(options.repetitions):
            for workers in (1, 2) if turn % 2 == 0 else (2, 1):
                computing, whole = measure(folder / "in", workers)
                rates[workers].append(computing)
                print(f"{workers} worker{'s' * (workers > 1)}: {computing:7.0f} rows/s ({whole:.0f} with all starts), load {os.getloadavg()[0]:.1f}", flush=True)
        for workers, measured in rates.items():
            print(f"{workers} workers: median {statistics.median(measured):.0f} rows/s, from {min(measured):.0f} to {max(measured):.0f}")
        ratios = [two / one for one, two in zip(rates[1], rates[2])]
        print(f"2 to 1: median {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
