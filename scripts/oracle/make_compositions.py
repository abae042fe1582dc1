"""Writes native/tokenizer/composition_tables.cpp: how characters decompose and compose in the tokenizers of this environment.

usage: python make_compositions.py OUT_FILE [--compare]

The pairs and combining classes are those of Python's unicodedata, without the characters that the normaliser itself leaves
alone because it knows an older version of Unicode; NFD and NFC of every character are then compared with the normaliser's.
With --compare the file is left as it is, and the exit status tells whether it would be the same.
"""

from __future__ import annotations

import random
import sys
import unicodedata
from pathlib import Path

from tokenizers import normalizers

CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)
TRIALS = 20_000

HEAD = """/** Made by scripts/oracle/make_compositions.py: do not edit. */
// clang-format off
#include "tokenizer/composition_tables.h"

namespace starling {

"""


def pairs() -> list[tuple[int, int, int, int]]:
    nfd, nfc = normalizers.NFD(), normalizers.NFC()
    found = []
    for code in CODES:
        character = chr(code)
        step = unicodedata.decomposition(character)
        if code in HANGUL or not step or step.startswith("<") or nfd.normalize_str(character) == character:
            continue
        parts = [int(part, 16) for part in step.split()] + [0]
        found.append((code, parts[0], parts[1], int(nfc.normalize_str(character) == character)))
    return found


def classes(known: int) -> list[tuple[int, int, int]]:
    """Classes of characters that the normaliser sorts; `known`: a mark of the highest class, 240."""
    nfd = normalizers.NFD()
    ranges: list[tuple[int, int, int]] = []
    for code in CODES:
        value = unicodedata.combining(chr(code))
        # A mark of a lower class goes in front; one that the normaliser does not know stays behind.
        if value == 0 or (value < 240 and nfd.normalize_str("a" + chr(known) + chr(code))[-1] != chr(known)):
            continue
        if ranges and ranges[-1][1] == code - 1 and ranges[-1][2] == value:
            ranges[-1] = (ranges[-1][0], code, value)
        else:
            ranges.append((code, code, value))
    return ranges


def table(declaration: str, entries: list[tuple[int, ...]]) -> str:
    lines = [f"{declaration} = {{"]
    line = "   "
    for entry in entries:
        text = " {" + ",".join(map(str, entry)) + "},"
        if len(line + text) > 118:
            lines.append(line)
            line = "   "
        line += text
    return "\n".join([*lines, line, "};", "", ""])


def composed(text: str, decomposition: dict, composition: dict, order: dict) -> str:
    """The algorithm of composition.cpp."""

    def spread(code: int) -> list[int]:
        if code in HANGUL:
            index = code - HANGUL.start
            tail = index % 28
            return [0x1100 + index // 588, 0x1161 + index % 588 // 28] + ([0x11A7 + tail] if tail else [])
        if code not in decomposition:
            return [code]
        first, second = decomposition[code]
        return spread(first) + ([second] if second else [])

    codes = [part for character in text for part in spread(ord(character))]
    start = 0
    while start < len(codes):
        end = start + 1
        if order.get(codes[start], 0) != 0:
            while end < len(codes) and order.get(codes[end], 0) != 0:
                end += 1
            codes[start:end] = sorted(codes[start:end], key=lambda code: order[code])
        start = end
    out: list[int] = []
    starter = -1
    last = 0
    for code in codes:
        own = order.get(code, 0)
        if starter >= 0 and (starter == len(out) - 1 or last < own):
            before = out[starter]
            joined = composition.get((before, code))
            if 0x1100 <= before < 0x1113 and 0x1161 <= code < 0x1176:
                joined = 0xAC00 + ((before - 0x1100) * 21 + code - 0x1161) * 28
            elif before in HANGUL and (before - 0xAC00) % 28 == 0 and 0x11A7 < code < 0x11C3:
                joined = before + code - 0x11A7
            if joined is not None:
                out[starter] = joined
                continue
        if own == 0:
            starter = len(out)
        last = own
        out.append(code)
    return "".join(map(chr, out))


def check(entries: list[tuple[int, int, int, int]], ranges: list[tuple[int, int, int]]) -> None:
    nfc = normalizers.NFC()
    decomposition = {code: (first, second) for code, first, second, _ in entries}
    composition = {(first, second): code for code, first, second, composes in entries if composes}
    order = {code: value for first, last, value in ranges for code in range(first, last + 1)}
    random.seed(1)
    pool = [*decomposition, *order, *range(0x1100, 0x1200), *range(0xAC00, 0xAD00), *range(0x20, 0x250)]
    texts = [chr(code) for code in CODES]
    texts += ["".join(chr(random.choice(pool)) for _ in range(random.randint(2, 9))) for _ in range(TRIALS)]
    wrong = [text for text in texts if composed(text, decomposition, composition, order) != nfc.normalize_str(text)]
    if wrong:
        sys.exit(f"{len(wrong)} texts differ from the normaliser's, the first is {ascii(wrong[0])}")


def main() -> None:
    out = Path(sys.argv[1])
    entries, ranges = pairs(), classes(0x345)
    check(entries, ranges)
    tables = {
        "CHARACTER_PAIR": [entry for entry in entries if entry[2] != 0],
        "REPLACED_CHARACTER": [(code, first) for code, first, second, _ in entries if second == 0],
        "COMBINING_RANGE": ranges,
    }
    types = ["CharacterPair", "ReplacedCharacter", "CombiningRange"]
    text = HEAD
    for type_, (name, rows) in zip(types, tables.items()):
        text += table(f"const {type_} {name}S[]", rows) + f"const size_t {name}_COUNT = {len(rows)};\n\n"
    text += "}  // namespace starling\n"
    if "--compare" in sys.argv:
        sys.exit(0 if out.read_text() == text else f"{out} differs")
    out.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
