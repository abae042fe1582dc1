"""Makes a golden file of ids alone, for random texts that are hard on one tokenizer (random_texts.py).

usage: python make_token_goldens.py CHECKPOINT COUNT OUT_FILE

The file: {"header": {...}, "texts": [{"text", "fast-4.41": ids, "fast-4.42": ids, "slow": ids}, ...]}. Needs
ORACLE_ENVS as make_goldens.py does.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from make_goldens import MODES, run, run_text, sha256


def main() -> None:
    checkpoint, count, out = sys.argv[1:]
    texts = run_text(MODES["fast-4.41"][0], "random_texts.py", checkpoint, count)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.jsonl"
        path.write_text(texts, encoding="utf-8")
        parts = {mode: run(version, "tokenize_texts.py", checkpoint, str(path), kind) for mode, (version, kind) in MODES.items()}
    entries = []
    for index, line in enumerate(texts.splitlines()):
        entry = {"text": json.loads(line)["text"]}
        entry.update({mode: part["records"][index]["ids"] for mode, part in parts.items()})
        entries.append(json.dumps(entry, separators=(",", ":")))
    header = {
        "checkpoint": Path(checkpoint).name,
        "sha256": {"tokenizer.model": sha256(Path(checkpoint) / "tokenizer.model")},
        "tokenizers": {mode: part["versions"] for mode, part in parts.items()},
    }
    body = ",\n".join(entries)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text(f'{{\n"header": {json.dumps(header)},\n"texts": [\n{body}\n]}}\n', encoding="utf-8", newline="\n")
    print(f"{header['checkpoint']}: {len(entries)} texts")


if __name__ == "__main__":
    main()
