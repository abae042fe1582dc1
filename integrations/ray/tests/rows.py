"""Rows to score, made from nothing: the same ones each time."""

from __future__ import annotations

import json
import random
from pathlib import Path

SUBJECTS = ("boil an egg", "fix a flat tyre", "learn to swim", "write a letter", "plant a tree", "tune a guitar", "bake bread", "save money")
ANSWERS = ("First, take your time.", "Ask someone who knows.", "I do not know.", "Start small and repeat it daily.", "It depends.", "Read the manual, then try.")
RESPONSES = 4
"""Neighbouring rows with one prompt: their common beginning is computed once."""


def write_partitions(folder: Path, partitions: int, rows: int, sentences: int | None = None) -> list[str]:
    """Writes ``rows`` rows in all, in files of different sizes, half of them in a subfolder. Returns their names.

    With ``sentences`` every response has as many, so that rows take equally long in all files.
    """
    chance = random.Random(partitions * 1_000_003 + rows)
    names = [f"{'b/' if i % 2 else ''}part-{i:04}.jsonl" for i in range(partitions)]
    (folder / "b").mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        begin, end = rows * i // partitions, rows * (i + 1) // partitions
        with open(folder / name, "w", encoding="utf-8") as file:
            for row in range(begin, end):
                prompt = f"How do I {SUBJECTS[row // RESPONSES % len(SUBJECTS)]} in {row // RESPONSES} minutes?"
                response = " ".join(chance.choices(ANSWERS, k=sentences or 1 + i % 3))
                file.write(json.dumps({"id": row, "prompt": prompt, "response": response}) + "\n")
    return names


def ids(folder: Path, names: list[str]) -> list[int]:
    """The identifiers of all rows in the order of the files."""
    return [json.loads(line)["id"] for name in names for line in (folder / name).read_text(encoding="utf-8").splitlines()]
