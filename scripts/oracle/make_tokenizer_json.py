"""Writes test/fixtures/tokenizer-json: what one transformers version makes of the fixture checkpoints' tokenizer.model.

Run with the environment of each version: python make_tokenizer_json.py NAME...
"""

import json
import sys
import tempfile
from pathlib import Path

import transformers

FIXTURES = Path(__file__).parents[2] / "test" / "fixtures"


def main(names: list[str]) -> None:
    for name in names:
        tokenizer = transformers.AutoTokenizer.from_pretrained(FIXTURES / "checkpoints" / name, use_fast=True)
        with tempfile.TemporaryDirectory() as folder:
            tokenizer.save_pretrained(folder)
            content = json.loads((Path(folder) / "tokenizer.json").read_text("utf8"))
        target = FIXTURES / "tokenizer-json" / f"{name}-{transformers.__version__}.json"
        target.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), "utf8")


if __name__ == "__main__":
    main(sys.argv[1:])
