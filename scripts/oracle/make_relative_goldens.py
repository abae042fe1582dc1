"""Makes the golden file of one relative: ids and scores of texts and conversations.

usage: python make_relative_goldens.py CHECKPOINT TEXTS OUT_FILE

Needs ORACLE_ENVS as make_goldens.py does. The file: {"header": {...}, "texts": [record, ...], "conversations": [record, ...]}.
A record has `text` or `messages` (and the `rendered` text), and
  ids             all of them, BOS included
  score           at the last token that is not padding, in float32
  card            Starling-RM-7B-alpha alone: what its card's code returns, where that is another number than at the last token
  contradiction   true instead of a score: versions of transformers read it at different places
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from make_goldens import MAX_DIFFERENCE, round_score, run, sha256
from random_bytes import random_texts
from texts import load_texts

# Versions for ids (all must agree) and for scores; only the newest know Llama 3.1's rotary frequencies and merges as pairs.
VERSIONS = {
    "alpha7b-like": ("card", ["4.38.2", "4.36.2", "4.41.2", "4.44.2"], ["4.38.2"]),
    "hf-seqcls-spm": ("hf", ["4.41.2", "4.38.2"], ["4.38.2", "5.23.0"]),
    "hf-seqcls-bpe": ("hf", ["4.41.2", "4.44.2", "5.23.0"], ["4.38.2", "5.23.0"]),
    "hf-seqcls-rope": ("hf", ["5.23.0"], ["5.23.0"]),
    "hf-mistral": ("hf", ["4.41.2", "4.38.2"], ["4.48.3", "5.23.0"]),
    "hf-qwen2": ("hf", ["4.44.2", "4.38.2", "5.23.0"], ["4.48.3", "5.23.0"]),
    "hf-qwen3": ("hf", ["5.23.0"], ["5.23.0"]),
    "hf-gemma2": ("hf", ["4.44.2", "4.48.3"], ["4.44.2", "4.48.3", "5.23.0"]),
    "hf-gemma2-scaled": ("hf", ["4.44.2", "4.48.3"], ["4.44.2", "4.48.3", "5.23.0"]),
}
RANDOM_TEXTS = 400
# Fewer where another golden has the same kind of tokenizer: every third text, and so many random ones.
FEW_TEXTS = 40
FEW = ("hf-mistral", "hf-gemma2-scaled")
# The other trunks have fewer: their tokenizers differ less from each other than these do.
TRUNK_TEXTS = 150
TRUNKS = ("hf-mistral", "hf-qwen2", "hf-qwen3", "hf-gemma2", "hf-gemma2-scaled")
# Nothing of a golden needs to be longer, and long texts make a padded evaluation no different.
MAX_CHARACTERS = 2500


def turns(*contents: str, system: str | None = None) -> list[dict]:
    messages = [] if system is None else [{"role": "system", "content": system}]
    return messages + [
        {"role": "user" if index % 2 == 0 else "assistant", "content": content} for index, content in enumerate(contents)
    ]


PAIRS = [
    turns("Hello?", "Hi, how can I help you?"),
    turns("What is 2 + 2?", "4"),
    turns("你好，请问你是谁？", "我是一个助手。😀 e\u0301"),
    turns("Code?", "```python\ndef f(x):\n    return x\n```"),
]
# What only templates that were written for it can do.
FURTHER = [
    turns("  Hello?\n", "\n\nHi, \n how are you? \t"),
    turns("\x1cseparators\x85", "\u00a0no-break\u2003"),
    turns("Hi", "Hello", "How are you?", "Fine, thank you."),
    turns("Who are you?", "A starling.", system="You are a bird."),
    turns("Who?", "Me.", "Really?", "Yes.", system="  Answer briefly. "),
]


def main() -> None:
    checkpoint, texts_file, out = sys.argv[1:]
    name = Path(checkpoint).name
    kind, id_versions, score_versions = VERSIONS[name]
    texts = [text for _, text in load_texts(texts_file) if 0 < len(text) <= MAX_CHARACTERS]
    if name in FEW:
        texts = texts[::3]
    texts += random_texts(checkpoint, FEW_TEXTS if name in FEW else TRUNK_TEXTS if name in TRUNKS else RANDOM_TEXTS)
    if kind == "card":
        # A digit is one id: every remainder of four, and all lengths up to that of a padded row and beyond.
        texts += ["7" * count for count in (*range(1, 9), *range(2040, 2050))]
    conversations = PAIRS if kind == "card" else PAIRS + FURTHER
    if "gemma" in name:  # whose template has no system message
        conversations = [messages for messages in conversations if messages[0]["role"] != "system"]
    stdin = json.dumps({"texts": texts, "conversations": conversations})
    answers = [run(version, "relative_reference.py", checkpoint, kind, "ids", stdin=stdin) for version in id_versions]
    reference = answers[0]
    differences = {
        answer["versions"]["transformers"]: sum(
            mine != its
            for part in ("texts", "conversations")
            for mine, its in zip(reference[part], answer[part])
        )
        for answer in answers[1:]
    }
    lists = [ids for part in ("texts", "conversations") for ids in reference[part]]
    # A text that becomes nothing at all has no score.
    scored = [ids for ids in lists if ids]
    if kind == "card":
        # The padded evaluation is slow: every seventh text, those of digits, and all conversations.
        chosen = [ids for index, ids in enumerate(reference["texts"]) if ids and (index % 7 == 0 or set(texts[index]) == {"7"})]
        scored = chosen + reference["conversations"]
    stdin = json.dumps(scored)
    results = [run(version, "relative_reference.py", checkpoint, kind, "scores", stdin=stdin) for version in score_versions]
    scores = {}
    for index, ids in enumerate(scored):
        values = [result["last"][index] for result in results]
        entry = {"score": round_score(values[0])}
        if max(values) - min(values) > MAX_DIFFERENCE:
            entry = {"contradiction": True}
        if kind == "card" and abs(results[0]["card"][index] - values[0]) > MAX_DIFFERENCE:
            entry["card"] = round_score(results[0]["card"][index])
        scores[tuple(ids)] = entry
    records = {
        "texts": [{"text": text, "ids": ids, **scores.get(tuple(ids), {})} for text, ids in zip(texts, reference["texts"])],
        "conversations": [
            {"messages": messages, "rendered": rendered, "ids": ids, **scores[tuple(ids)]}
            for messages, rendered, ids in zip(conversations, reference["rendered"], reference["conversations"])
        ],
    }
    values = [entry["score"] for entry in scores.values() if "score" in entry]
    mean = sum(values) / len(values)
    files = sorted(file for file in Path(checkpoint).iterdir() if file.suffix in (".safetensors", ".pt", ".model", ".json"))
    header = {
        "checkpoint": name,
        "sha256": {file.name: sha256(file) for file in files},
        "texts": sha256(Path(texts_file)),
        "ids": [answer["versions"] for answer in answers],
        "differsFrom": differences,
        "scores": [result["versions"] for result in results],
        "cardPadId": reference["cardPadId"],
        "count": len(values),
        "mean": round_score(mean),
        "std": round_score((sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5),
        "contradictions": sum("contradiction" in entry for entry in scores.values()),
    }
    lines = ["{", f'"header": {json.dumps(header)},']
    for part, entries in records.items():
        lines.append(f'"{part}": [')
        lines.append(",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries))
        lines.append("]," if part == "texts" else "]}")
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    print(f"{name}: {len(texts)} texts, std {header['std']}, differs {differences}, contradictions {header['contradictions']}")


if __name__ == "__main__":
    main()
