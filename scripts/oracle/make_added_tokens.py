"""Writes test/fixtures/added-tokens.json: ids of checkpoints without added_tokens_decoder, by transformers.

Needs environments of 4.41.2 and 4.44.2 in ORACLE_ENVS (see README.md); run with any Python.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "test" / "fixtures"
CHECKPOINT = "adversarial-prefix"
MODES = {"fast-4.41": ("4.41.2", True), "fast-4.42": ("4.44.2", True), "slow": ("4.41.2", False)}
PARTS = ["<|im_start|>", "<|im_end|>", "<|im_sep|>", "<unk>", "<|startoftext|>", "<|endoftext|>", " ", "  ", "\n", "a"]
PARTS += ["the", "ab", "▁", "<|im_", "é", "user", "\n\n", "|>", "<"]
ADDED = {"<|im_start|>": 6, "<|im_end|>": 7, "<|im_sep|>": 8}
SPECIAL = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<unk>", "pad_token": "<unk>"}

# Changes of tokenizer_config.json, which has no added_tokens_decoder; special_tokens_map.json; added_tokens.json.
VARIANTS = {
    "nothing is special": ({}, SPECIAL, ADDED),
    "special tokens are named": (
        {"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]},
        {**SPECIAL, "eos_token": "<|im_end|>"},
        ADDED,
    ),
    "the map has the last word": (
        {"eos_token": "<|endoftext|>"},
        {
            "bos_token": {"content": "<|startoftext|>", "normalized": True},
            "eos_token": "<|im_end|>",
            "unk_token": "<unk>",
            "additional_special_tokens": ["<|im_start|>"],
        },
        {"<|im_sep|>": 8, "<|im_end|>": 7},
    ),
}
IDS = """
import json, sys
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1], use_fast=sys.argv[2] == "True")
print(json.dumps([tokenizer(text, add_special_tokens=False)["input_ids"] for text in json.load(sys.stdin)]))
"""


def write_variant(folder: Path, config: dict, special_map: dict, added: dict) -> None:
    shutil.copytree(FIXTURES / "checkpoints" / CHECKPOINT, folder)
    base = json.loads((folder / "tokenizer_config.json").read_text("utf8"))
    for field in ("added_tokens_decoder", "additional_special_tokens"):
        base.pop(field, None)
    files = {"tokenizer_config": {**base, **config}, "special_tokens_map": special_map, "added_tokens": added}
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value), "utf8")


def main() -> None:
    random.seed(3)
    texts = ["".join(random.choices(PARTS, k=random.randint(1, 12))) for _ in range(100)]
    variants = []
    with tempfile.TemporaryDirectory() as temporary:
        for name, (config, special_map, added) in VARIANTS.items():
            folder = Path(temporary) / name.replace(" ", "-")
            write_variant(folder, config, special_map, added)
            ids = {}
            for mode, (version, fast) in MODES.items():
                python = Path(os.environ["ORACLE_ENVS"]) / version / "bin" / "python"
                command = [python, "-c", IDS, folder, str(fast)]
                done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True)
                ids[mode] = json.loads(done.stdout)
            variants.append({"name": name, "config": config, "map": special_map, "added": added, "ids": ids})
    golden = {"checkpoint": CHECKPOINT, "modes": {mode: v for mode, (v, _) in MODES.items()}, "texts": texts}
    target = FIXTURES / "added-tokens.json"
    target.write_text(json.dumps({**golden, "variants": variants}, ensure_ascii=False) + "\n", "utf8")


if __name__ == "__main__":
    sys.exit(main())
