#!/usr/bin/env python3
"""Scores and RM-Bench's own numbers for them: test/fixtures/rm-bench.json.

    python make_rm_bench.py .../RM-Bench/scripts/utils.py ../../test/fixtures/rm-bench.json

Runs compute_accuracy() of the genuine file (THU-KEG/RM-Bench on GitHub, commit 73c52d7) without what else it imports.
"""

import ast
import json
import random
import sys
from typing import Any, Dict, List

import numpy as np

FUNCTIONS = ["compute_accuracy", "split_dataset_by_domain"]
DOMAINS = ["chat", "math", "code", "safety-refuse", "safety-response"]
STYLES = 3


def genuine(path: str):
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    wanted = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in FUNCTIONS]
    names = {"np": np, "List": List, "Dict": Dict, "Any": Any, "print": lambda *_: None}
    exec(compile(ast.Module(wanted, []), path, "exec"), names)
    return names["compute_accuracy"]


def main() -> None:
    source, target = sys.argv[1:]
    compute_accuracy = genuine(source)
    draw = random.Random(4)
    rows = []
    for i in range(83):
        # Rounded, so that some scores are equal.
        score = lambda lean: [round(draw.gauss(lean + 0.3 * style, 1), 1) for style in range(STYLES)]
        rows.append({"domain": draw.choice(DOMAINS), "score_chosen": score(0.4), "score_rejected": score(0)})
    single = [{key: row[key] for key in ("score_chosen", "score_rejected")} for row in rows if row["domain"] == "math"]
    expected = {name: float(value) for name, value in compute_accuracy([dict(row) for row in rows]).items()}
    math = {name: float(value) for name, value in compute_accuracy(single).items()}
    with open(target, "w", encoding="utf-8") as file:
        json.dump({"rows": rows, "expected": expected, "math": math}, file, separators=(",", ":"))
        file.write("\n")


main()
