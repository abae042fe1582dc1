"""Random texts that are hard on a tokenizer with words: its own tokens, contractions, digits, runs of white space, marks and
rare characters. Runs with the standard library alone; the same checkpoint and count always give the same texts.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

HARD = [
    " ", "  ", "    ", "\n", "\n\n", "\r\n", "\t", " \n ", "\u00a0", "\u0085", "\u2003", "\u2028", "\u3000", "\x1c", "\x0b",
    "'s", "'S", "'ſ", "'t", "'RE", "'ve", "'Ll", "'d", "'M", "'x", "''", "’s", "don't", "I'LL", "we'vE",
    "0", "7", "12", "345", "6789", "12345678", "½", "Ⅷ", "٣", "१२३", "１２３", "²",
    "é", "e\u0301", "\u0301", "ß", "İ", "ı", "ﬁ", "Ω", "я", "中", "文字", "こんにちは", "한국어", "नमस्ते", "สวัสดี", "مرحبا", "שלום",
    "😀", "👩\u200d👩\u200d👧", "🇩🇪", "❤️", "\u200d", "\ufe0f", "\ufeff", "\u200b", "\u202e", "\U0001D518", "\U00020000", "\U0010FFFD",
    "!", "?!", "...", "->", "==", "__", "#", "##", "(", ")", "{", "}", "<", ">", "|", "/", "\\", "\"", "`", "~", "@", "%", "&",
    "<s>", "</s>", "<unk>", "[PAD]", "<0x0A>", "▁", "Ġ", "Ċ", "\x00", "\x7f", "The", " the", "HELLO", "word", " starling", "nest",
]  # fmt: skip


def own_tokens(checkpoint: Path) -> list[str]:
    path = checkpoint / "tokenizer.json"
    if not path.exists():
        config = json.loads((checkpoint / "tokenizer_config.json").read_text(encoding="utf-8"))
        return [token["content"] for token in config["added_tokens_decoder"].values()]
    value = json.loads(path.read_text(encoding="utf-8"))
    added = [token["content"] for token in value["added_tokens"]]
    plain = [token.replace("Ġ", " ").replace("▁", " ") for token in value["model"]["vocab"]]
    # Added tokens as often as all others together.
    return plain + added * (len(plain) // len(added))


def random_texts(checkpoint: str, count: int) -> list[str]:
    chance = random.Random(11)
    own = own_tokens(Path(checkpoint))
    texts = []
    for _ in range(count):
        text = ""
        for _ in range(chance.randrange(1, 20)):
            item = chance.choice(chance.choices([own, HARD], weights=[1, 3])[0])
            if chance.random() < 0.1:
                item = item[: chance.randrange(1, len(item) + 1)]
            text += item
        texts.append(text)
    return texts
