"""Tokenises the texts as the card's get_reward does, with the transformers of this environment.

usage: python tokenize_texts.py CHECKPOINT TEXTS fast|slow > IDS_JSON

The ids are those of the card's call (truncation on the left at 2048, padding to 2048) without the
padding at the end, which the attention mask tells.
"""

from __future__ import annotations

import json
import sys

import sentencepiece
import tokenizers
import transformers

from texts import load_texts

MAX_LENGTH = 2048


def main() -> None:
    checkpoint, texts, kind = sys.argv[1:]
    transformers.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint, use_fast=kind == "fast")
    if tokenizer.is_fast != (kind == "fast"):
        sys.exit(f"asked for the {kind} tokenizer, got {type(tokenizer).__name__}")
    tokenizer.truncation_side = "left"
    records = []
    for name, text in load_texts(texts):
        # One text at a time: batching changes nothing here, and a failure names its text.
        row = tokenizer([text], truncation=True, max_length=MAX_LENGTH, padding="max_length")
        ids = [id_ for id_, used in zip(row["input_ids"][0], row["attention_mask"][0]) if used]
        total = len(tokenizer(text)["input_ids"])
        records.append({"name": name, "ids": ids, "total": total})
    versions = {
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "sentencepiece": sentencepiece.__version__,
        "tokenizer": type(tokenizer).__name__,
    }
    json.dump({"versions": versions, "records": records}, sys.stdout)


if __name__ == "__main__":
    main()
