"""Makes the golden files of the families of heads: ids and scores of texts and conversations.

usage: python make_family_goldens.py FAMILIES_DIR TEXTS OUT_DIR [NAME ...]

Needs ORACLE_ENVS as make_goldens.py does. A file: {"header": {...}, "texts": [record, ...], "conversations": [record, ...]}; a
record has `text` or `messages`, its `ids` and its `score` in float32.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from families import assemble
from make_goldens import MAX_DIFFERENCE, round_score, run
from make_relative_goldens import FURTHER, PAIRS, turns
from random_bytes import random_texts
from texts import load_texts

# All must give the same ids and scores. Where a score is read depends on the version, for the classifiers.
VERSIONS = {"bpe": ["5.23.0", "4.44.2"], "spm": ["4.44.2", "4.38.2"]}
OWN_VERSIONS = {
    "trl-old": ["4.44.2", "4.48.3"],
    "trl-new": ["5.23.0"],
    "trl-spm": ["4.44.2", "4.38.2"],
    "skywork-v2-llama": ["5.23.0", "4.48.3"],
    "mistral-seqcls": ["4.44.2", "4.38.2"],
}
TEXTS = 18
RANDOM_TEXTS = 14
MAX_CHARACTERS = 240
MORE = [
    turns("Why is the sky blue?", "Because the air scatters blue light more than red light."),
    turns("Write a function that adds two numbers.", "def add(a, b):\n    return a + b"),
    turns("Who are you?", ""),
    turns("", "I am a starling."),
    turns("List three birds.", "1. A starling\n2. A robin\n3. An owl"),
]


def main() -> None:
    families, texts_file, out, *names = sys.argv[1:]
    described = json.loads((Path(families) / "families.json").read_text(encoding="utf-8"))
    every = [text for _, text in load_texts(texts_file) if 0 < len(text) <= MAX_CHARACTERS]
    plain = every[:: max(1, len(every) // TEXTS)][:TEXTS]
    names = names or list(described)
    tasks: dict[str, dict] = {}
    answers_of: dict[str, list] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            checkpoint = str(assemble(Path(families), name, Path(folder) / name))
            texts = plain + random_texts(checkpoint, RANDOM_TEXTS)
            tasks[name] = {"checkpoint": checkpoint, "texts": texts, "conversations": [*PAIRS, *MORE, *FURTHER]}
        versions_of = {name: OWN_VERSIONS.get(name, VERSIONS[described[name]["tokenizer"]]) for name in names}
        for version in sorted({version for versions in versions_of.values() for version in versions}):
            asked = {name: task for name, task in tasks.items() if version in versions_of[name]}
            result = run(version, "family_reference.py", stdin=json.dumps(asked))
            for name, answer in result["answers"].items():
                answers_of[name].append({**answer, "versions": result["versions"]})
    for name in names:
        texts, conversations, answers = tasks[name]["texts"], tasks[name]["conversations"], answers_of[name]
        first = answers[0]
        for other in answers[1:]:
            for part in ("texts", "conversations"):
                for mine, its in zip(first[part], other[part]):
                    same = mine == its or (
                        mine["ids"] == its["ids"] and abs(mine["score"] - its["score"]) <= MAX_DIFFERENCE
                    )
                    if not same:
                        sys.exit(f"{name}: {first['versions']} and {other['versions']} differ: {mine} {its}")
        records = {
            "texts": [{"text": text, **answer} for text, answer in zip(texts, first["texts"])],
            "conversations": [
                {"messages": messages, **answer}
                for messages, answer in zip(conversations, first["conversations"])
                if answer is not None
            ],
        }
        scores = [record["score"] for part in records.values() for record in part]
        for part in records.values():
            for record in part:
                record["score"] = round_score(record["score"])
        mean = sum(scores) / len(scores)
        header = {
            "family": name, "versions": [answer["versions"] for answer in answers], "count": len(scores),
            "mean": round_score(mean),
            "std": round_score((sum((score - mean) ** 2 for score in scores) / len(scores)) ** 0.5),
        }  # fmt: skip
        lines = ["{", f'"header": {json.dumps(header)},']
        for part, entries in records.items():
            lines.append(f'"{part}": [')
            lines.append(",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries))
            lines.append("]," if part == "texts" else "]}")
        Path(out).mkdir(parents=True, exist_ok=True)
        (Path(out) / f"{name}.json").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        print(f"{name}: {len(scores)} scores, mean {header['mean']}, std {header['std']}")


if __name__ == "__main__":
    main()
