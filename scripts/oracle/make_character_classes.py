"""Writes native/tokenizer/character_classes.cpp: what \\p{L}, \\p{N} and \\s match in the tokenizers of this environment.

usage: python make_character_classes.py OUT_FILE [--compare]

Asks the regular expressions themselves about every character, because which version of Unicode they know is written
nowhere. With --compare the file is left as it is, and the exit status tells whether it would be the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tokenizers import Regex, pre_tokenizers

CLASSES = {"letter": r"\p{L}", "number": r"\p{N}", "space": r"\s"}
CHUNK = 4096
SURROGATES = range(0xD800, 0xE000)

HEAD = """/** Made by scripts/oracle/make_character_classes.py: do not edit. */
// clang-format off
#include "tokenizer/character_classes.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace starling {

namespace {

struct Range {
  uint32_t first;
  uint32_t last;
};

"""

FOOT = """template <size_t count>
bool in_ranges(const Range (&ranges)[count], uint32_t code) {
  const Range* range = std::lower_bound(std::begin(ranges), std::end(ranges), code,
                                        [](const Range& r, uint32_t c) { return r.last < c; });
  return range != std::end(ranges) && range->first <= code;
}

}  // namespace

bool is_letter(uint32_t code) { return in_ranges(LETTER, code); }

bool is_number(uint32_t code) { return in_ranges(NUMBER, code); }

bool is_space(uint32_t code) { return in_ranges(SPACE, code); }

}  // namespace starling
"""


def ranges(pattern: str) -> list[tuple[int, int]]:
    split = pre_tokenizers.Split(Regex(pattern), behavior="removed")
    matched: list[int] = []
    for start in range(0, 0x110000, CHUNK):
        codes = [code for code in range(start, start + CHUNK) if code not in SURROGATES]
        kept = {code for text, _ in split.pre_tokenize_str("".join(map(chr, codes))) for code in map(ord, text)}
        matched += [code for code in codes if code not in kept]
    found: list[tuple[int, int]] = []
    for code in matched:
        if found and found[-1][1] == code - 1:
            found[-1] = (found[-1][0], code)
        else:
            found.append((code, code))
    return found


def table(name: str, found: list[tuple[int, int]]) -> str:
    lines = [f"constexpr Range {name.upper()}[] = {{"]
    line = "   "
    for first, last in found:
        entry = f" {{0x{first:X}, 0x{last:X}}},"
        if len(line + entry) > 118:
            lines.append(line)
            line = "   "
        line += entry
    return "\n".join([*lines, line, "};", "", ""])


def main() -> None:
    out = Path(sys.argv[1])
    text = HEAD + "".join(table(name, ranges(pattern)) for name, pattern in CLASSES.items()) + FOOT
    if "--compare" in sys.argv:
        sys.exit(0 if out.read_text() == text else f"{out} differs")
    out.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
