"""The genuine starling-rm with the tiny model, workers and scorers killed at random: every row once, the bytes of an undisturbed run.

The small version runs by default; ``STARLING_RM_RAY=full`` runs 100,000 rows in 40 partitions with 30 kills.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from chaos import Chaos
from local_ray import CLI
from rows import ids, write_partitions

from starling_rm_ray import ListingError, ScorerStartError, score_dataset
from starling_rm_ray.worker import IDENTITY_FILE

pytestmark = pytest.mark.usefixtures("cluster")

FULL = os.environ.get("STARLING_RM_RAY") == "full"
ROWS, PARTITIONS, KILLS = (100_000, 40, 30) if FULL else (4_000, 16, 4)


def outputs(folder: Path) -> dict[str, bytes]:
    """Every file that a reader of the folder would take for an output."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name[0] not in "._"}


def test_every_row_once_and_the_bytes_of_an_undisturbed_run(tmp_path: Path) -> None:
    names = write_partitions(tmp_path / "in", PARTITIONS, ROWS)
    began = time.monotonic()
    undisturbed = subprocess.run(
        [*CLI, "score", "--model=tiny", f"--input={tmp_path / 'in'}", f"--output={tmp_path / 'plain'}/", "--threads=1", "--gpu=off", "--quiet"],
        capture_output=True, text=True, check=False,
    )
    assert undisturbed.returncode == 0, undisturbed.stderr
    print(f"undisturbed, without Ray, one process: {time.monotonic() - began:.1f} s")

    chaos = Chaos(KILLS, ROWS, seed=1)
    chaos.start()
    summary = score_dataset(
        tmp_path / "in", tmp_path / "out", "tiny", 2, command=CLI, max_retries=1000, progress=chaos.watch, progress_seconds=0.05
    )
    chaos.stop()
    print(f"killed: {chaos.actors_killed} actors, {chaos.scorers_killed} scorers; {summary}")
    assert chaos.killed == KILLS
    assert chaos.actors_killed > 0 and chaos.scorers_killed > 0
    assert summary.written == PARTITIONS and summary.rows == ROWS and summary.failures == 0 and summary.retries > 0
    assert summary.check is not None and summary.check["rows"] == ROWS

    assert ids(tmp_path / "out", names) == list(range(ROWS))
    assert outputs(tmp_path / "out") == outputs(tmp_path / "plain")
    hidden = [path.name for path in (tmp_path / "out").rglob(".*")]
    assert hidden == [IDENTITY_FILE], "locks and temporary files are gone"

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    again = score_dataset(tmp_path / "in", tmp_path / "out", "tiny", 2, command=CLI, progress=None)
    assert (again.written, again.kept, again.rows) == (0, PARTITIONS, 0)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before
    print(f"rerun: {again.seconds:.1f} s")


def test_other_settings_and_another_model_are_refused(tmp_path: Path) -> None:
    write_partitions(tmp_path / "in", 2, 20)
    folders = (tmp_path / "in", tmp_path / "out")
    score_dataset(*folders, "tiny", command=CLI, progress=None)
    # All whole: nothing would be computed, and still the scores would not be those that were asked for.
    with pytest.raises(ListingError, match="min-score"):
        score_dataset(*folders, "tiny", command=CLI, options={"min_score": 1}, progress=None)
    # One is missing: its scorer refuses.
    (tmp_path / "out" / "part-0000.jsonl").unlink()
    with pytest.raises(ScorerStartError, match="min-score"):
        score_dataset(*folders, "tiny", command=CLI, options={"min_score": 1}, progress=None)
    assert score_dataset(*folders, "tiny", command=CLI, progress=None).written == 1


def test_rank_sorts_and_rows_that_fail_are_counted(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    rows = [{"prompt": "Name a prime.", "responses": ["8", "7"]}, {"prompt": "No responses."}]
    (tmp_path / "in" / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    summary = score_dataset(tmp_path / "in", tmp_path / "out", "tiny", task="rank", command=CLI, progress=None)
    assert (summary.rows, summary.failures) == (2, 1)
    first, second = map(json.loads, (tmp_path / "out" / "a.jsonl").read_text().splitlines())
    assert [one["rank"] for one in first["ranking"]] == [1, 2] and "error" in second


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    write_partitions(tmp_path / "in", 1, 2)
    with pytest.raises(ScorerStartError, match="nowhere.gguf"):
        score_dataset(tmp_path / "in", tmp_path / "out", tmp_path / "nowhere.gguf", command=CLI, progress=None)
