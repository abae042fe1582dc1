#pragma once

#include <cstddef>
#include <cstdint>

namespace starling {

/** Canonical decompositions and combining classes, as Hugging Face's tokenizers know them; each table ascends. */

/** `code` is `first` and `second`. Unless `composes`, it only ever decomposes. */
struct CharacterPair {
  uint32_t code;
  uint32_t first;
  uint32_t second;
  bool composes;
};

/** `code` is always replaced by `by`. */
struct ReplacedCharacter {
  uint32_t code;
  uint32_t by;
};

/** Characters of one combining class above 0. */
struct CombiningRange {
  uint32_t first;
  uint32_t last;
  uint32_t order;
};

extern const CharacterPair CHARACTER_PAIRS[];
extern const size_t CHARACTER_PAIR_COUNT;
extern const ReplacedCharacter REPLACED_CHARACTERS[];
extern const size_t REPLACED_CHARACTER_COUNT;
extern const CombiningRange COMBINING_RANGES[];
extern const size_t COMBINING_RANGE_COUNT;

}  // namespace starling
