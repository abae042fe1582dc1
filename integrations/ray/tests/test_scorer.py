"""Ray Data: batches get the scores of the command line, in any order of blocks, also when the scorer is killed."""

from __future__ import annotations

import json
import math
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from local_ray import CLI
from rows import write_partitions

from starling_rm_ray import InvalidArgumentError, ProtocolError, RowError, Scorer, ScorerLostError, ScorerStartError

numpy = pytest.importorskip("numpy", reason="Ray Data needs numpy, pandas and pyarrow")
pytest.importorskip("pyarrow", reason="Ray Data needs numpy, pandas and pyarrow")

PAIRS = {"prompt": ["Hi", "Hi", "Bye"], "response": ["Hello.", "No.", "See you."]}


def batch(**columns: list[Any]) -> dict[str, Any]:
    return {name: numpy.array(values, dtype=object) for name, values in columns.items()}


def scores_of(rows: list[dict[str, Any]]) -> list[float]:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    done = subprocess.run([*CLI, "score", "--model=tiny", "--input=-", "--input-format=jsonl", "--format=jsonl", "--threads=1", "-q"],
                          input=text, capture_output=True, text=True, check=True)
    return [json.loads(line)["score"] for line in done.stdout.splitlines()]


@pytest.mark.usefixtures("cluster")
def test_a_data_set_gets_the_scores_of_the_command_line(tmp_path: Path) -> None:
    import ray.data

    ray.data.DataContext.get_current().enable_progress_bars = False
    names = write_partitions(tmp_path, 3, 300)
    rows = [json.loads(line) for name in names for line in (tmp_path / name).read_text().splitlines()]
    data = ray.data.from_items(rows, override_num_blocks=5)
    scored = data.map_batches(Scorer, fn_constructor_kwargs={"model": "tiny", "command": CLI}, concurrency=1, num_cpus=1, batch_size=64)
    by_id = {row["id"]: row for row in scored.take_all()}
    assert [by_id[row["id"]]["score"] for row in rows] == scores_of(rows)
    assert by_id[0]["prompt"] == rows[0]["prompt"] and by_id[0]["tokenCount"] > 0 and not by_id[0]["truncated"]


def test_batches_share_one_process_and_a_killed_one_is_replaced() -> None:
    scorer = Scorer("tiny", command=CLI)
    first = scorer(batch(**PAIRS))
    process = scorer._process
    assert process is not None
    assert scorer(batch(**PAIRS))["score"].tolist() == first["score"].tolist()
    assert scorer._process is process
    os.kill(process.pid, signal.SIGKILL)
    assert scorer(batch(**PAIRS))["score"].tolist() == first["score"].tolist() == scores_of([dict(zip(PAIRS, row)) for row in zip(*PAIRS.values())])
    assert scorer._process is not process
    scorer.close()


def test_columns_of_other_names_and_messages() -> None:
    scorer = Scorer("tiny", command=CLI, fields={"messages": "chat"})
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    column = numpy.empty(1, dtype=object)
    column[0] = numpy.array(chat, dtype=object)
    assert scorer({"chat": column})["score"].tolist() == scores_of([{"messages": chat}])
    with pytest.raises(InvalidArgumentError, match="Expected the columns chat but the batch has prompt, response"):
        scorer(batch(**PAIRS))
    scorer.close()


def test_rows_that_cannot_be_scored() -> None:
    damaged = batch(prompt=["Hi", "Hi"], response=["Hello.", 5])
    with pytest.raises(RowError, match="Row 1 of the batch: .*ERR_"):
        Scorer("tiny", command=CLI)(damaged)
    kept = Scorer("tiny", command=CLI, on_error="null")(damaged)
    assert math.isnan(kept["score"][1]) and "ERR_" in kept["error"][1]
    assert kept["error"][0] is None and kept["score"][0] == scores_of([{"prompt": "Hi", "response": "Hello."}])[0]


def test_a_refusal_a_death_and_babble_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ScorerStartError, match="nowhere.gguf") as caught:
        Scorer("/nowhere.gguf", command=CLI)(batch(**PAIRS))
    assert pickle.loads(pickle.dumps(caught.value)).exit_code == caught.value.exit_code == 2
    dies = tmp_path / "dies.py"
    dies.write_text("import os\nos.kill(os.getpid(), 9)\n")
    with pytest.raises(ScorerLostError, match="was ended by SIGKILL"):
        Scorer("tiny", command=[sys.executable, str(dies)], max_retries=1)(batch(**PAIRS))
    other = tmp_path / "other.py"
    other.write_text("print('{\"index\": 1, \"score\": 0}', flush=True)\ninput()\n")
    with pytest.raises(ProtocolError, match="Expected the result of row 0"):
        Scorer("tiny", command=[sys.executable, str(other)])(batch(**PAIRS))


@pytest.mark.parametrize(
    ("more", "said"),
    [({"fields": {"responses": "r"}}, "fields but received responses"), ({"fields": {}}, "received none"), ({"on_error": "skip"}, "on_error"), ({"max_retries": -1}, "max_retries")],
)
def test_wrong_arguments_are_named(more: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        Scorer("tiny", **more)
