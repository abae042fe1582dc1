"""Rows per second with 1 and 2 workers of one thread each: ``python bench/scaling.py [--rows 60000] [--repetitions 5] [--free]``.

Each scorer has one core to itself, as on a machine of one core. Beside its one thread for the model a scorer has others, which read rows,
tokenise and write: on a machine of two cores, a single one that is free to use both has 1.2 to 1.3 of them, and two such cannot be
twice as fast. ``--free`` measures that.

Times only the computing: from the first progress of a partition to the last one, with every worker loaded, so neither the start
of Ray nor of the scorers counts. Both numbers of workers take turns, because a machine's load changes. Prints medians and spreads.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from local_ray import CLI, local_ray  # noqa: E402
from rows import write_partitions  # noqa: E402

from starling_rm_ray import Progress, score_dataset  # noqa: E402

ONE_CORE = Path(__file__).with_name("one_core.py")


class Rate:
    """Rows per second between the first moment at which all workers compute and the last at which they do."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._first: tuple[float, int] | None = None
        self._last: tuple[float, int] | None = None
        self._seen = 0

    def watch(self, progress: Progress) -> None:
        # Only a count that has just changed is of now: another one may be as old as a worker's report, which would make the slower
        # run of two look better, because it is the longer one.
        changed = progress.rows != self._seen
        self._seen = progress.rows
        if not changed or sum(worker.partition is not None for worker in progress.workers) < self._workers:
            return
        self._last = (time.monotonic(), progress.rows)
        self._first = self._first or self._last

    @property
    def rows_per_second(self) -> float:
        assert self._first and self._last and self._last[0] > self._first[0], "too few rows: give more of them with --rows"
        return (self._last[1] - self._first[1]) / (self._last[0] - self._first[0])


def measure(folder: Path, workers: int, command: list[str]) -> tuple[float, float]:
    """Rows per second while all workers compute, and over the whole call."""
    output = Path(tempfile.mkdtemp(dir=folder.parent))
    rate = Rate(workers)
    summary = score_dataset(folder, output, "tiny", workers, command=command, progress=rate.watch, progress_seconds=1, verify=False)
    shutil.rmtree(output)
    return rate.rows_per_second, summary.rows_per_second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--partitions", type=int, default=40)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--free", action="store_true", help="let each scorer use all cores")
    options = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {options.rows} rows in {options.partitions} partitions")
    folder = Path(tempfile.mkdtemp())
    rates: dict[int, list[float]] = {1: [], 2: []}
    try:
        write_partitions(folder / "in", options.partitions, options.rows, sentences=2)
        with local_ray(num_cpus=2):
            command = CLI if options.free else [sys.executable, str(ONE_CORE), str(folder), *CLI]
            for turn in range(options.repetitions):
                for workers in (1, 2) if turn % 2 == 0 else (2, 1):
                    computing, whole = measure(folder / "in", workers, command)
                    rates[workers].append(computing)
                    load = os.getloadavg()[0]
                    print(f"{workers} workers: {computing:7.0f} rows/s ({whole:.0f} with all starts), load {load:.1f}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for workers, measured in rates.items():
        print(f"{workers} workers: median {statistics.median(measured):.0f} rows/s, from {min(measured):.0f} to {max(measured):.0f}")
    ratios = [two / one for one, two in zip(rates[1], rates[2])]
    print(f"2 to 1: median {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
