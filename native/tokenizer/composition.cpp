#include "tokenizer/composition.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "tokenizer/composition_tables.h"
#include "tokenizer/utf8.h"

namespace starling {

namespace {

/** Nothing below it is a mark, or decomposes without composing again. */
constexpr uint32_t FIRST_MARK = 0x300;
/** Of FIRST_MARK in UTF-8; no byte of a character below it is as large. */
constexpr unsigned char FIRST_BYTE_OF_MARKS = 0xCC;

/** Hangul syllables are computed: a leading consonant, a vowel, perhaps a trailing consonant. */
constexpr uint32_t SYLLABLES = 0xAC00;
constexpr uint32_t SYLLABLE_COUNT = 11172;
constexpr uint32_t LEADING = 0x1100;
constexpr uint32_t LEADING_COUNT = 19;
constexpr uint32_t VOWELS = 0x1161;
constexpr uint32_t VOWEL_COUNT = 21;
/** The one before the first, which stands for none. */
constexpr uint32_t TRAILING = 0x11A7;
constexpr uint32_t TRAILING_COUNT = 28;

bool is_within(uint32_t code, uint32_t first, uint32_t count) { return code >= first && code - first < count; }

template <typename Entry>
const Entry* find_entry(const Entry* entries, size_t count, uint32_t code) {
  const Entry* found =
      std::lower_bound(entries, entries + count, code, [](const Entry& entry, uint32_t c) { return entry.code < c; });
  return found != entries + count && found->code == code ? found : nullptr;
}

uint32_t combining_class(uint32_t code) {
  if (code < FIRST_MARK) return 0;
  const CombiningRange* end = COMBINING_RANGES + COMBINING_RANGE_COUNT;
  const CombiningRange* range = std::lower_bound(
      COMBINING_RANGES, end, code, [](const CombiningRange& entry, uint32_t c) { return entry.last < c; });
  return range != end && range->first <= code ? range->order : 0;
}

void decompose(uint32_t code, std::vector<uint32_t>& codes) {
  if (is_within(code, SYLLABLES, SYLLABLE_COUNT)) {
    const uint32_t index = code - SYLLABLES;
    codes.push_back(LEADING + index / (VOWEL_COUNT * TRAILING_COUNT));
    codes.push_back(VOWELS + index / TRAILING_COUNT % VOWEL_COUNT);
    if (index % TRAILING_COUNT != 0) codes.push_back(TRAILING + index % TRAILING_COUNT);
  } else if (const CharacterPair* pair = find_entry(CHARACTER_PAIRS, CHARACTER_PAIR_COUNT, code)) {
    decompose(pair->first, codes);
    codes.push_back(pair->second);
  } else if (const auto* replaced = find_entry(REPLACED_CHARACTERS, REPLACED_CHARACTER_COUNT, code)) {
    decompose(replaced->by, codes);
  } else {
    codes.push_back(code);
  }
}

/** Marks after a character in the order of their classes; those of one class stay in order. */
void sort_marks(std::vector<uint32_t>& codes) {
  const auto is_mark = [](uint32_t code) { return combining_class(code) != 0; };
  for (auto begin = codes.begin(); begin != codes.end();) {
    begin = std::find_if(begin, codes.end(), is_mark);
    const auto end = std::find_if_not(begin, codes.end(), is_mark);
    std::stable_sort(begin, end, [](uint32_t a, uint32_t b) { return combining_class(a) < combining_class(b); });
    begin = end;
  }
}

const std::unordered_map<uint64_t, uint32_t>& compositions() {
  static const auto all = [] {
    std::unordered_map<uint64_t, uint32_t> map;
    for (size_t i = 0; i < CHARACTER_PAIR_COUNT; ++i) {
      const CharacterPair& pair = CHARACTER_PAIRS[i];
      if (pair.composes) map.emplace(uint64_t{pair.first} << 32 | pair.second, pair.code);
    }
    return map;
  }();
  return all;
}

/** The character that two become; 0 for none. */
uint32_t composition(uint32_t first, uint32_t second) {
  if (is_within(first, LEADING, LEADING_COUNT) && is_within(second, VOWELS, VOWEL_COUNT))
    return SYLLABLES + ((first - LEADING) * VOWEL_COUNT + second - VOWELS) * TRAILING_COUNT;
  const bool is_open = is_within(first, SYLLABLES, SYLLABLE_COUNT) && (first - SYLLABLES) % TRAILING_COUNT == 0;
  if (is_open && second > TRAILING && is_within(second, TRAILING, TRAILING_COUNT)) return first + second - TRAILING;
  const auto found = compositions().find(uint64_t{first} << 32 | second);
  return found == compositions().end() ? 0 : found->second;
}

void compose(std::vector<uint32_t>& codes) {
  size_t length = 0;
  // Index of the last character of class 0, plus 1; 0 before the first one.
  size_t starter = 0;
  uint32_t last_class = 0;
  for (const uint32_t code : codes) {
    const uint32_t own_class = combining_class(code);
    // A mark of the same or a higher class in between keeps them apart.
    if (starter > 0 && (starter == length || last_class < own_class)) {
      if (const uint32_t joined = composition(codes[starter - 1], code)) {
        codes[starter - 1] = joined;
        continue;
      }
    }
    codes[length++] = code;
    last_class = own_class;
    if (own_class == 0) starter = length;
  }
  codes.resize(length);
}

}  // namespace

std::string composed(std::string_view text) {
  const auto is_below = [](char c) { return static_cast<unsigned char>(c) < FIRST_BYTE_OF_MARKS; };
  if (std::all_of(text.begin(), text.end(), is_below)) return std::string(text);
  std::vector<uint32_t> codes;
  codes.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Character next = read_character(text, at);
    decompose(next.code, codes);
    at += next.length;
  }
  sort_marks(codes);
  compose(codes);
  std::string result;
  result.reserve(text.size());
  for (const uint32_t code : codes) append_character(result, code);
  return result;
}

}  // namespace starling
