"""The rates of torch's matrix products, for the roofline of the bench.

usage: python torch_gemm.py '{"threads", "columns", "rows", "tokens", "repetitions"}'. Prints one JSON line: a list of {name,
type, rates}, in operations per second. int8 products, which not every build of torch has, are left out where they fail.
"""

from __future__ import annotations

import json
import sys
import time

import torch

SECONDS = 0.05
options = json.loads(sys.argv[1])
torch.set_num_threads(options["threads"])
inputs = torch.randn(options["tokens"], options["columns"])
weights = torch.randn(options["rows"], options["columns"]) * 0.02
operations = 2 * options["tokens"] * options["columns"] * options["rows"]


def timed(product, count: int) -> float:
    started = time.perf_counter()
    for _ in range(count):
        product()
    return time.perf_counter() - started


def measure(kind: str, product) -> list[dict]:
    try:
        timed(product, 1)
    except (AttributeError, RuntimeError):
        return []
    count = max(1, int(SECONDS / timed(product, 1)))
    rates = [operations * count / timed(product, count) for _ in range(options["repetitions"])]
    return [{"name": "torch", "type": kind, "rates": rates}]


def floats(dtype: torch.dtype):
    x, w = inputs.to(dtype), weights.to(dtype)
    return lambda: torch.nn.functional.linear(x, w)


def int8():
    x, w = ((part * scale).round().to(torch.int8) for part, scale in ((inputs, 20), (weights, 1000)))
    return lambda: torch._int_mm(x, w.T)


with torch.inference_mode():
    kinds = {"f32": floats(torch.float32), "bf16": floats(torch.bfloat16), "int8": int8()}
    print(json.dumps([entry for kind, product in kinds.items() for entry in measure(kind, product)]))
