"""Makes the golden file of one checkpoint: ids and scores of every text in the three tokenisation modes.

usage: python make_goldens.py CHECKPOINT TEXTS OUT_FILE

Runs with the Python standard library alone and calls one virtual environment per transformers version,
found at $ORACLE_ENVS/<version>/bin/python (see README.md).

The file: {"header": {...}, "modes": {mode: [record, ...]}}, in the order of the texts. A record has
  name            the text's name
  ids             the ids after truncation, without padding; or, when there are more than MAX_INLINE_IDS:
  idsDigest       {"length", "sha256" of the ids as little-endian int32, "first" and "last" EDGE ids}
  truncated       whether ids were cut off on the left
  total           how many ids there were before
  position        the index within ids at which the score is read
  score           float32 arithmetic on the stored weights
  undefined       true instead of score and position: no ids, or the first kept id is 0, where the card
                  would read a padding position
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

# Which transformers stands for a mode. fast-4.41: from 4.39 on, because earlier ones give ids 1 and 2
# to "<s>" and "</s>" whatever the model says (see TOKENIZATION.md).
MODES = {"fast-4.41": ("4.41.2", "fast"), "fast-4.42": ("4.42.4", "fast"), "slow": ("4.41.2", "slow")}
# Others of the same mode, compared text by text; the header names the texts on which they differ.
COMPARED = {"fast-4.41": ["4.36.2", "4.38.2"], "fast-4.42": ["4.44.2"], "slow": ["4.36.2", "4.44.2"]}
SCORING = "4.38.2"
CROSS_CHECK = "5.23.0"

PAD_ID = 0
MAX_INLINE_IDS = 512
EDGE = 16
# Float noise between versions is below 1e-5; anything near this bound means that they do not compute the same.
MAX_DIFFERENCE = 1e-4


def run(version: str, script: str, *arguments: str, stdin: str | None = None) -> dict:
    return json.loads(run_text(version, script, *arguments, stdin=stdin))


def run_text(version: str, script: str, *arguments: str, stdin: str | None = None) -> str:
    python = Path(os.environ["ORACLE_ENVS"]) / version / "bin" / "python"
    # No hub is ever asked: everything is in the checkpoint's folder.
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    result = subprocess.run(
        [str(python), str(HERE / script), *arguments],
        input=stdin, capture_output=True, text=True, encoding="utf-8", env=environment,
    )  # fmt: skip
    if result.returncode != 0:
        sys.exit(f"{script} with transformers {version} failed:\n{result.stderr[-3000:]}")
    return result.stdout


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest(ids: list[int]) -> dict:
    return {
        "length": len(ids),
        "sha256": hashlib.sha256(struct.pack(f"<{len(ids)}i", *ids)).hexdigest(),
        "first": ids[:EDGE],
        "last": ids[-EDGE:],
    }


def is_undefined(ids: list[int]) -> bool:
    return len(ids) == 0 or ids[0] == PAD_ID


def position(ids: list[int]) -> int:
    return (ids.index(PAD_ID) if PAD_ID in ids else len(ids)) - 1


def round_score(score: float) -> float:
    # Seven significant digits hold all that float32 knows, and keep the files small.
    return float(f"{score:.8g}")


def main() -> None:
    checkpoint, texts, out = sys.argv[1:]
    vocab_size = json.loads((Path(checkpoint) / "config.json").read_text())["vocab_size"]

    tokenized = {mode: run(version, "tokenize_texts.py", checkpoint, texts, kind) for mode, (version, kind) in MODES.items()}
    differences = {}
    for mode, versions in COMPARED.items():
        for version in versions:
            other = run(version, "tokenize_texts.py", checkpoint, texts, MODES[mode][1])["records"]
            differences.setdefault(mode, {})[version] = [
                mine["name"] for mine, its in zip(tokenized[mode]["records"], other) if mine["ids"] != its["ids"]
            ]

    # The modes agree on many texts: score every distinct list once.
    lists = sorted({tuple(record["ids"]) for part in tokenized.values() for record in part["records"]})
    lists = [ids for ids in lists if not is_undefined(list(ids))]
    if any(id_ >= vocab_size for ids in lists for id_ in ids):
        sys.exit("an id is outside the model's vocabulary")
    stdin = json.dumps(lists)
    scored = run(SCORING, "score_ids.py", checkpoint, stdin=stdin)
    cross = run(CROSS_CHECK, "score_ids.py", checkpoint, stdin=stdin)
    scores = dict(zip(lists, scored["scores"]))
    cross_difference = max(abs(mine - its) for mine, its in zip(scored["scores"], cross["scores"]))
    padded_difference = max(scored["paddedDifference"], cross["paddedDifference"])
    if cross_difference > MAX_DIFFERENCE or padded_difference > MAX_DIFFERENCE:
        sys.exit(f"scores disagree: {cross_difference} between versions, {padded_difference} by padding")

    modes = {}
    for mode, part in tokenized.items():
        modes[mode] = []
        for record in part["records"]:
            ids = record["ids"]
            entry: dict = {"name": record["name"]}
            entry.update({"ids": ids} if len(ids) <= MAX_INLINE_IDS else {"idsDigest": digest(ids)})
            entry.update({"truncated": record["total"] > len(ids), "total": record["total"]})
            if is_undefined(ids):
                entry["undefined"] = True
            else:
                entry.update({"position": position(ids), "score": round_score(scores[tuple(ids)])})
            modes[mode].append(entry)

    folder = Path(checkpoint)
    weights = sorted(file for file in folder.iterdir() if file.suffix in (".safetensors", ".bin"))
    values = list(scores.values())
    mean = sum(values) / len(values)
    header = {
        "checkpoint": folder.name,
        "sha256": {file.name: sha256(file) for file in [*weights, folder / "tokenizer.model"]},
        "texts": sha256(Path(texts)),
        "idsHash": "sha256 of the ids as little-endian int32",
        "tokenizers": {mode: part["versions"] for mode, part in tokenized.items()},
        "differsFrom": differences,
        "scoring": {
            **scored["versions"],
            "dtype": "float32",
            "crossCheck": {**cross["versions"], "maxDifference": cross_difference},
            "padded": {"count": scored["paddedCount"], "maxDifference": padded_difference},
            "count": len(values),
            "mean": round_score(mean),
            "std": round_score((sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5),
        },
    }

    lines = ["{", f'"header": {json.dumps(header)},', '"modes": {']
    for index, (mode, records) in enumerate(modes.items()):
        lines.append(f"{json.dumps(mode)}: [")
        # One record a line: compact, and a change shows as the lines it concerns.
        lines.append(",\n".join(json.dumps(record, separators=(",", ":")) for record in records))
        lines.append("]" if index == len(modes) - 1 else "],")
    lines.append("}}")
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    summary = header["scoring"]
    print(f"{folder.name}: {summary['count']} scores, mean {summary['mean']}, std {summary['std']}, "
          f"cross-check {cross_difference:.2g}, padding {padded_difference:.2g}, differs {differences}")  # fmt: skip


if __name__ == "__main__":
    main()
