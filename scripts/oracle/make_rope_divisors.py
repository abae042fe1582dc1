"""Writes test/fixtures/rope-divisors.json: the tensor rope_freqs as llama.cpp's own converter makes it.

usage: python make_rope_divisors.py LLAMA_CPP OUT.json

LLAMA_CPP as for compare_conversions.py. For the factors of Llama 3.1 and 3.2 and for both head sizes, and for an original context
as short as the fixture's. Runs in the environment of transformers 5.23.0.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

LLAMA_CPP = Path(sys.argv[1])
sys.path[:0] = [str(LLAMA_CPP), str(LLAMA_CPP / "gguf-py")]

from conversion.llama import LlamaModel  # noqa: E402

CASES = [
    *[(500000.0, head_dim, factor, 1.0, 4.0, 8192) for factor in (8.0, 32.0) for head_dim in (64, 128)],
    (500000.0, 32, 8.0, 1.0, 4.0, 512),
    (10000.0, 128, 16.0, 1.0, 1.3, 4096),
]


def divisors(theta: float, head_dim: int, factor: float, low: float, high: float, context: int) -> list[float]:
    scaling = {
        "rope_type": "llama3", "rope_theta": theta, "factor": factor, "low_freq_factor": low, "high_freq_factor": high,
        "original_max_position_embeddings": context,
    }  # fmt: skip
    model = SimpleNamespace(
        rope_parameters=scaling, hparams={"head_dim": head_dim}, format_tensor_name=lambda name: name
    )
    [(_, tensor)] = LlamaModel.generate_extra_tensors(model)
    return tensor.tolist()


def main() -> None:
    names = ("theta", "headDim", "factor", "low", "high", "originalContext")
    cases = [{**dict(zip(names, case)), "divisors": divisors(*case)} for case in CASES]
    lines = ",\n".join(json.dumps(case) for case in cases)
    Path(sys.argv[2]).write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
