"""Reads texts.jsonl (see make_texts.py for the format)."""

from __future__ import annotations

import json


def load_texts(path: str) -> list[tuple[str, str]]:
    texts = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            text = entry["text"] if "text" in entry else "".join(part * count for part, count in entry["parts"])
            texts.append((entry["name"], text))
    return texts
