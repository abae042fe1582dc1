"""What a run does with scorers that die, hang, fail, refuse or babble: a fake one that does so on demand."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from starling_rm_ray import (
    CommandNotFoundError,
    FolderNotSharedError,
    ListingError,
    ModelsDifferError,
    PartitionsFailedError,
    PlacementError,
    Progress,
    ProtocolError,
    ScorerStartError,
    Summary,
    schedule,
    score_dataset,
    worker,
)

FAKE = [sys.executable, str(Path(__file__).with_name("fake_scorer.py"))]

pytestmark = pytest.mark.usefixtures("cluster")

Folders = tuple[Path, Path]


def fill(folder: Path, names: list[str], rows: int = 3) -> None:
    for name in names:
        (folder / name).write_text("".join(f"row {i}\n" for i in range(rows)))


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(schedule, "MIN_USUAL_SECONDS", 0.5)


def run(folders: Folders, seconds: float = 0, **more: Any) -> Summary:
    state = folders[0].parent / "state"
    state.mkdir(exist_ok=True)
    command = [*FAKE, f"--state={state}", f"--seconds={seconds}"]
    return score_dataset(*folders, **{"model": "tiny", "num_cpus": 0, "command": command, "progress": None, **more})


def attempts(folders: Folders, name: str) -> int:
    return len((folders[0].parent / "state" / name).read_text().splitlines())


def outputs(folders: Folders) -> list[str]:
    return sorted(path.name for path in folders[1].iterdir() if path.name != worker.IDENTITY_FILE)


def test_everything_is_computed_once_and_a_rerun_computes_nothing(folders: Folders) -> None:
    fill(folders[0], [f"p{i}.jsonl" for i in range(6)])
    seen: list[Progress] = []
    # Nothing is moved from a worker that a busy machine holds up.
    summary = run(folders, num_workers=2, progress=seen.append, progress_seconds=0.01, straggler_factor=None)
    assert (summary.partitions, summary.written, summary.kept, summary.rows, summary.failures, summary.retries) == (6, 6, 0, 18, 0, 0)
    assert sum(worker.partitions for worker in summary.workers) == 6
    assert summary.check == {"whole": True, "partitions": 6}
    assert seen[-1].partitions_done == 6 and seen[-1].rows == 18
    assert outputs(folders) == [f"p{i}.jsonl" for i in range(6)]
    again = run(folders, num_workers=2)
    assert (again.written, again.kept, again.rows) == (0, 6, 0)
    assert all(attempts(folders, f"p{i}.jsonl") == 1 for i in range(6))


def test_crashes_failures_and_silence_are_tried_again(folders: Folders) -> None:
    fill(folders[0], ["crash2-a.jsonl", "fail1-b.jsonl", "hang1-c.jsonl", "d.jsonl"])
    # Much longer than a busy machine takes to start a scorer.
    summary = run(folders, num_workers=2, stall_timeout=10, straggler_factor=None)
    assert (summary.written, summary.rows, summary.retries) == (4, 12, 4)
    assert [attempts(folders, name) for name in ("crash2-a.jsonl", "fail1-b.jsonl", "hang1-c.jsonl", "d.jsonl")] == [3, 2, 2, 1]


def test_a_partition_that_fails_too_often_is_named_and_the_others_are_finished(folders: Folders) -> None:
    fill(folders[0], ["crash9-a.jsonl", "bad-b.jsonl", "c.jsonl"])
    with pytest.raises(PartitionsFailedError) as caught:
        run(folders, max_retries=1)
    failed = {one.partition: one for one in caught.value.failures}
    assert failed["crash9-a.jsonl"].attempts == 2
    assert "ended with exit code 7: out of luck" in failed["crash9-a.jsonl"].message
    assert failed["bad-b.jsonl"].attempts == 1 and "bad-b.jsonl:1 is not JSON." in failed["bad-b.jsonl"].message
    assert caught.value.summary.written == 1 and (folders[1] / "c.jsonl").exists()
    assert "2 of 3 partitions failed" in str(caught.value)
    assert outputs(folders) == ["c.jsonl"]


def test_a_run_in_which_everything_fails_ends_early(folders: Folders) -> None:
    fill(folders[0], [f"crash99-{i}.jsonl" for i in range(40)])
    with pytest.raises(PartitionsFailedError, match=r"40 of 40 partitions failed.*Given up after 1\d lost attempts in a row"):
        run(folders, num_workers=4, max_retries=5)


def test_a_slow_workers_partition_is_moved(folders: Folders) -> None:
    fill(folders[0], ["slow-a.jsonl"], rows=10)
    fill(folders[0], [f"p{i}.jsonl" for i in range(4)], rows=9)
    summary = run(folders, num_workers=2)
    assert summary.written == 5 and attempts(folders, "slow-a.jsonl") == 2 and summary.retries == 0
    assert sum(worker.restarts for worker in summary.workers) == 1


def test_a_refusal_at_the_start_is_said_at_once(folders: Folders) -> None:
    fill(folders[0], ["a.jsonl"])
    with pytest.raises(ScorerStartError, match="ended with exit code 2: error: no such model") as caught:
        run(folders, model="hf:refused")
    assert caught.value.exit_code == 2 and caught.value.node


def test_a_scorer_that_is_killed_while_it_loads_is_started_again(folders: Folders) -> None:
    fill(folders[0], ["a.jsonl"])
    assert run(folders, model="hf:killed-at-start").written == 1
    assert attempts(folders, "starts") == 3


def test_another_model_on_another_node_ends_the_run(folders: Folders) -> None:
    fill(folders[0], ["a.jsonl", "b.jsonl"])
    with pytest.raises(ModelsDifferError, match="with the fingerprint another"):
        run(folders, num_workers=2, model="hf:other")


def test_what_is_no_event_is_quoted(folders: Folders) -> None:
    fill(folders[0], ["babble.jsonl"])
    with pytest.raises(ProtocolError, match="received 'Hello!'"):
        run(folders)


def test_missing_things_are_named(folders: Folders) -> None:
    with pytest.raises(ListingError, match="the folder has no files"):
        run(folders)
    fill(folders[0], ["a.jsonl"])
    with pytest.raises(CommandNotFoundError, match="Expected the program 'starling-none' on node"):
        run(folders, command="starling-none")
    with pytest.raises(FolderNotSharedError, match="The input .*/nowhere is not there on node"):
        run((folders[0] / "nowhere", folders[1]))
    with pytest.raises(PlacementError, match=r"each asks for 99 CPU; the cluster has 4 CPU \(4 free\), 2 GPU"):
        run(folders, num_cpus=99, placement_timeout=1)


def test_an_output_that_another_node_does_not_see_is_said_in_one_sentence(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    from starling_rm_ray.command import ScorerCommand

    monkeypatch.setattr(worker, "SHARED_SECONDS", 0.1)
    fill(folders[0], ["a.jsonl"])
    folders[1].mkdir()
    job = worker.Job(ScorerCommand((sys.executable,), "score", ()), str(folders[0]), str(folders[1]))
    for other in (None, "another"):
        if other is not None:
            (folders[1] / worker.IDENTITY_FILE).write_text(other)
        events = list(worker.Worker(job).open("ours"))
        assert events[-1]["kind"] == "shared" and "is not the folder that the other workers see" in events[-1]["message"]
    (folders[1] / worker.IDENTITY_FILE).write_text("ours")
    assert [event["event"] for event in worker.Worker(job).open("ours")] == ["placed"]


def test_gpus_threads_and_resources_reach_the_scorer(folders: Folders) -> None:
    fill(folders[0], ["a.jsonl"])
    run(folders, num_cpus=2, num_gpus=1, resources={"scoring": 1}, options={"batch_mode": "exact"})
    seen = json.loads((folders[0].parent / "state" / "environment").read_text())
    assert seen["cuda"] in ("0", "1")
    for argument in ("--gpu=cuda", "--threads=2", "--batch-mode=exact", "--quiet"):
        assert argument in seen["line"]


def test_a_callback_that_raises_ends_the_run_and_leaves_no_scorer(folders: Folders) -> None:
    fill(folders[0], ["a.jsonl"])
    pids: list[int] = []

    def stop(progress: Progress) -> None:
        for state in progress.workers:
            if state.scorer_pid is not None:
                pids.append(state.scorer_pid)
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folders, seconds=30, progress=stop, progress_seconds=0.01)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pids[0]}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{pids[0]}").exists()
    assert outputs(folders) == []
