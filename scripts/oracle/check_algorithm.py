"""Checks TOKENIZATION.md: its algorithms, written out in a few lines, against transformers on random texts.

usage: python check_algorithm.py CHECKPOINT fast-4.41|fast-4.42|slow [COUNT]

To be run with the transformers that stands for the mode (see make_goldens.py). The texts are
those of random_texts.py. Exits 1 at the first difference.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import transformers

from random_texts import BYTE, CONTROL, UNKNOWN, UNUSED, USER_DEFINED, random_texts, read_proto

SPACE = "▁"


class Tokenizer:
    def __init__(self, checkpoint: str, mode: str):
        proto = read_proto(checkpoint)
        config = json.loads((Path(checkpoint) / "tokenizer_config.json").read_text(encoding="utf-8"))
        self.mode = mode
        self.dummy_prefix = proto.normalizer_spec.add_dummy_prefix
        self.pieces = [(piece.piece, piece.score, piece.type) for piece in proto.pieces]
        self.ids = {text: id_ for id_, (text, _, _) in enumerate(self.pieces)}
        self.added = {self.pieces[id_][0]: id_ for id_ in (0, 1, 2)}
        self.added |= {token["content"]: int(id_) for id_, token in config["added_tokens_decoder"].items()}
        if mode == "fast-4.42":
            self.added |= {text: id_ for id_, (text, _, kind) in enumerate(self.pieces) if kind in (CONTROL, USER_DEFINED)}
        self.user_defined = [text for text, _, kind in self.pieces if kind == USER_DEFINED]
        self.ranks = self._ranks()

    def _ranks(self) -> dict[tuple[int, int], tuple[int, int]]:
        """(left id, right id) -> (rank, merged id)"""
        merges = []
        for id_, (text, score, _) in enumerate(self.pieces):
            if id_ < 3:
                score = 0.0
            for cut in range(1, len(text)):
                left, right = self.ids.get(text[:cut]), self.ids.get(text[cut:])
                if left is not None and right is not None:
                    merges.append((-score, id_, left, right))
        merges.sort()
        return {(left, right): (rank, id_) for rank, (_, id_, left, right) in enumerate(merges)}

    def encode(self, text: str) -> list[int]:
        out: list[int] = []
        stretch = ""
        at = 0
        while at < len(text):
            token = longest(text, at, self.added)
            if token is None:
                stretch += text[at]
                at += 1
            else:
                out += self.encode_stretch(stretch) + [self.added[token]]
                stretch = ""
                at += len(token)
        return out + self.encode_stretch(stretch)

    def encode_stretch(self, text: str) -> list[int]:
        if text == "":
            return []
        if self.mode == "slow":
            return self.sentencepiece((SPACE if self.dummy_prefix else "") + text.replace(" ", SPACE))
        return self.ranked((SPACE + text).replace(" ", SPACE))

    def ranked(self, text: str) -> list[int]:
        symbols: list[int] = []
        for character in text:
            symbols += [self.ids[character]] if character in self.ids else self.bytes_of(character)
        while True:
            best = min(
                ((*self.ranks[pair], at) for at, pair in enumerate(zip(symbols, symbols[1:])) if pair in self.ranks),
                key=lambda found: (found[0], found[2]),
                default=None,
            )
            if best is None:
                return symbols
            _, merged, at = best
            symbols[at : at + 2] = [merged]

    def sentencepiece(self, text: str) -> list[int]:
        symbols: list[tuple[str, bool]] = []
        at = 0
        while at < len(text):
            found = longest(text, at, self.user_defined)
            symbols.append((found or text[at], found is not None))
            at += len(found or text[at])
        halves: dict[str, tuple[str, str]] = {}
        while True:
            best = None
            for at, ((left, left_frozen), (right, right_frozen)) in enumerate(zip(symbols, symbols[1:])):
                id_ = self.ids.get(left + right)
                if left_frozen or right_frozen or id_ is None or self.pieces[id_][2] in (CONTROL, UNKNOWN, BYTE):
                    continue
                if best is None or self.pieces[id_][1] > best[0]:
                    best = (self.pieces[id_][1], at, left, right)
                if self.pieces[id_][2] == UNUSED:
                    halves[left + right] = (left, right)
            if best is None:
                break
            _, at, left, right = best
            symbols[at : at + 2] = [(left + right, False)]
        return [id_ for symbol, _ in symbols for id_ in self.resolve(symbol, halves)]

    def resolve(self, symbol: str, halves: dict[str, tuple[str, str]]) -> list[int]:
        id_ = self.ids.get(symbol)
        if id_ is not None and self.pieces[id_][2] == UNUSED and symbol in halves:
            left, right = halves[symbol]
            return self.resolve(left, halves) + self.resolve(right, halves)
        return [id_] if id_ is not None else self.bytes_of(symbol)

    def bytes_of(self, text: str) -> list[int]:
        return [self.ids[f"<0x{byte:02X}>"] for byte in text.encode("utf-8")]


def longest(text: str, at: int, tokens) -> str | None:
    return max((token for token in tokens if text.startswith(token, at)), key=len, default=None)


def main() -> None:
    checkpoint, mode, *rest = sys.argv[1:]
    transformers.logging.set_verbosity_error()
    theirs = transformers.AutoTokenizer.from_pretrained(checkpoint, use_fast=mode != "slow")
    ours = Tokenizer(checkpoint, mode)
    count = int(rest[0]) if rest else 5000
    for text in random_texts(checkpoint, count):
        expected = theirs(text)["input_ids"]
        actual = ours.encode(text)
        if expected != actual:
            sys.exit(
                f"{mode} {text!r}\n  transformers {theirs.convert_ids_to_tokens(expected)}\n"
                f"  described    {theirs.convert_ids_to_tokens(actual)}"
            )
    print(f"{mode}: {count} texts agree with transformers {transformers.__version__}")


if __name__ == "__main__":
    main()
