"""The contender's side of the protocol in ../contender.mjs, in Python."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Callable


def read_task() -> dict:
    """The task: a JSON file, named by the only argument."""
    return json.loads(Path(sys.argv[1]).read_text())


def serve(task: dict, run: Callable[[list[list[int]]], None], details: dict | None = None) -> None:
    """Answers each line of the input with a measurement of `run`, which gets the token ids of one turn of the task."""
    print(json.dumps({"ready": True, "details": details or {}}), flush=True)
    turn = 0
    for line in sys.stdin:
        warm = line.strip() == "warm"
        turn += 0 if warm else 1
        work = task["turns"][turn]
        started, cpu = time.perf_counter(), time.process_time()
        run(work["ids"][:1] if warm else work["ids"])
        measured = {
            "tokens": work["tokens"],
            "seconds": time.perf_counter() - started,
            "cpuSeconds": time.process_time() - cpu,
        }
        print(json.dumps(measured), flush=True)
