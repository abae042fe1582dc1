"""Random texts that are hard on a tokenizer: runs of its own pieces, added tokens, spaces, ▁ and rare characters.

usage: python random_texts.py CHECKPOINT COUNT > TEXTS

Nothing that a person would write, which is the point: pieces meet at places where tame text never puts
them. The same checkpoint and count always give the same texts.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from transformers.convert_slow_tokenizer import import_protobuf

# The numbers of SentencePiece's piece types.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6

SPACE = "▁"
RARE = [" ", "  ", "   ", SPACE, "\n", "\t", "Ω", "é", "中", "😀", "\u0000", "<", "|", ">", "-", "7", "<0x0A>", "<s>"]


def read_proto(checkpoint: str):
    # The copy of the protocol that transformers itself loads: two copies cannot be loaded together.
    return import_protobuf().ModelProto.FromString((Path(checkpoint) / "tokenizer.model").read_bytes())


def random_texts(checkpoint: str, count: int):
    chance = random.Random(7)
    pieces = read_proto(checkpoint).pieces
    short = [piece.piece for piece in pieces if piece.type in (NORMAL, UNUSED)]
    special = [piece.piece for piece in pieces if piece.type in (CONTROL, USER_DEFINED, UNKNOWN)]
    for _ in range(count):
        text = ""
        for _ in range(chance.randrange(1, 25)):
            source = chance.choices([short, special, RARE], weights=[6, 1, 3])[0]
            item = chance.choice(source)
            # Pieces without their ▁ or cut short meet their neighbours in new ways.
            if chance.random() < 0.4:
                item = item.replace(SPACE, " ")
            if chance.random() < 0.2:
                item = item[: chance.randrange(1, len(item) + 1)]
            text += item
        yield text


def main() -> None:
    checkpoint, count = sys.argv[1:]
    for index, text in enumerate(random_texts(checkpoint, int(count))):
        print(json.dumps({"name": f"random-{index}", "text": text}))


if __name__ == "__main__":
    main()
