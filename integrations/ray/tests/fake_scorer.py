"""A stand-in for starling-rm that misbehaves on demand: what the scheduler does with a scorer that dies, hangs, refuses or babbles.

The name of an input file says what happens to it: ``crash2-a.jsonl`` ends the process on the first two attempts, ``fail1``
fails, ``bad`` fails for good, ``hang1`` says nothing any more, ``babble`` writes something that is no event, ``slow`` is slow
on the first attempt. ``--state`` is a folder in which attempts and starts are counted; ``--seconds`` is how long a partition takes.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path


def option(name: str) -> str:
    return next(argument.partition("=")[2] for argument in sys.argv if argument.startswith(f"--{name}="))


STATE = Path(option("state"))


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


def count(name: str) -> int:
    """The number of this attempt, from 1."""
    with open(STATE / name, "a+", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
        file.seek(0)
        return len(file.readlines())


def compute(name: str, source: Path, target: Path) -> None:
    attempt = count(name)
    wanted = re.match(r"(crash|fail|hang|bad|babble|slow)(\d*)", name)
    kind, times = (wanted[1], int(wanted[2] or 0)) if wanted else ("", 0)
    rows = (source / name).read_text().splitlines()
    if kind == "slow" and attempt == 1:
        for done in range(1000):
            time.sleep(0.5)
            say(event="progress", partition=name, rows=0 if done < 10 else 1)
    if attempt <= times:
        if kind == "crash":
            print("out of luck", file=sys.stderr, flush=True)
            os._exit(7)
        if kind == "hang":
            time.sleep(600)
        if kind == "fail":
            return say(event="failed", partition=name, code="ERR_EVALUATION", message=f"{name} could not be computed.")
    if kind == "bad":
        return say(event="failed", partition=name, code="ERR_INVALID_DATA", message=f"{name}:1 is not JSON.")
    if kind == "babble":
        print("Hello!", flush=True)
    time.sleep(float(option("seconds")))
    while option("model") == "hf:other" and len((STATE / "starts").read_text().splitlines()) < 2:
        time.sleep(0.1)
    say(event="progress", partition=name, rows=len(rows))
    (target / name).write_text("".join(f"scored {row}\n" for row in rows))
    say(event="done", partition=name, status="written", rows=len(rows), failures=0, seconds=0.1)


def main() -> None:
    source, target = Path(option("input")), Path(option("output"))
    (STATE / "environment").write_text(json.dumps({"line": sys.argv[1:], "cuda": os.environ.get("CUDA_VISIBLE_DEVICES")}))
    names = sorted(path.name for path in source.iterdir())
    if "--list" in sys.argv:
        if not names:
            print("error: the folder has no files", file=sys.stderr)
            sys.exit(2)
        for name in names:
            say(partition=name, bytes=(source / name).stat().st_size, status="whole" if (target / name).exists() else "missing")
    elif "--check" in sys.argv:
        whole = all((target / name).exists() for name in names)
        say(whole=whole, partitions=len(names))
        sys.exit(0 if whole else 2)
    elif "--partitions" in sys.argv:
        start = count("starts")
        if option("model") == "hf:refused":
            print("error: no such model", file=sys.stderr)
            sys.exit(2)
        if option("model") == "hf:other" and start > 1:
            say(event="ready", model="m", fingerprint="another")
            time.sleep(600)
        if option("model") == "hf:killed-at-start" and start <= 2:
            os.kill(os.getpid(), 9)
        say(event="ready", model="m", fingerprint="f")
        for line in sys.stdin:
            compute(json.loads(line)["partition"], source, target)


main()
