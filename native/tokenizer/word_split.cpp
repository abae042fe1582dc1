#include "tokenizer/word_split.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "tokenizer/character_classes.h"
#include "tokenizer/utf8.h"

namespace starling {

namespace {

bool is_newline(uint32_t code) { return code == '\n' || code == '\r'; }

/** [^\s\p{L}\p{N}] */
bool is_symbol(uint32_t code) { return !is_space(code) && !is_letter(code) && !is_number(code); }

template <typename Condition>
size_t run_end(std::string_view text, size_t at, Condition condition) {
  for (;;) {
    const Character next = read_character(text, at);
    if (next.length == 0 || !condition(next.code)) return at;
    at += next.length;
  }
}

/** Oniguruma ignores case by Unicode's case folding, in which U+017F (long s) is an s. */
uint32_t folded(uint32_t code) {
  if (code == 0x17F) return 's';
  return code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
}

/** 's|'t|'re|'ve|'m|'ll|'d: bytes of the match, or 0. */
size_t contraction(std::string_view text, size_t at, bool any_case) {
  if (text[at] != '\'') return 0;
  const auto letter = [&](const Character& character) { return any_case ? folded(character.code) : character.code; };
  const Character first = read_character(text, at + 1);
  if (first.length == 0) return 0;
  const uint32_t a = letter(first);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return 1 + first.length;
  const Character second = read_character(text, at + 1 + first.length);
  if (second.length == 0) return 0;
  const uint32_t b = letter(second);
  const bool pair = (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l');
  return pair ? 1 + first.length + second.length : 0;
}

/**
 * \s+(?!\S)|\s+ for the white space from `at` to `end`: leaves its last character to the next word, if there is a next
 * word and another character.
 */
size_t white_space(std::string_view text, size_t at, size_t end) {
  if (end == text.size()) return end - at;
  size_t last = end - 1;
  while (last > at && (static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) last--;
  return last > at ? last - at : end - at;
}

/**
 * Llama 3:
 * (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 * Qwen 2 and 3: the same with \p{N}, one digit.
 */
size_t llama_bpe_word(std::string_view text, size_t at, int most_digits) {
  if (const size_t length = contraction(text, at, true)) return length;
  const Character first = read_character(text, at);
  const size_t next = at + first.length;
  if (is_letter(first.code)) return run_end(text, next, is_letter) - at;
  if (is_number(first.code)) {
    size_t end = next;
    for (int digits = 1; digits < most_digits; digits++) {
      const Character digit = read_character(text, end);
      if (digit.length == 0 || !is_number(digit.code)) break;
      end += digit.length;
    }
    return end - at;
  }
  if (!is_newline(first.code)) {
    const size_t end = run_end(text, next, is_letter);
    if (end > next) return end - at;
  }
  const size_t symbols = first.code == ' ' ? next : at;
  const size_t symbols_end = run_end(text, symbols, is_symbol);
  if (symbols_end > symbols) return run_end(text, symbols_end, is_newline) - at;
  const size_t spaces_end = run_end(text, at, is_space);
  // \s*[\r\n]+ ends after the last newline of the run.
  for (size_t end = spaces_end; end > at; end--) {
    if (text[end - 1] == '\n' || text[end - 1] == '\r') return end - at;
  }
  return white_space(text, at, spaces_end);
}

/** GPT-2: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
size_t gpt_2_word(std::string_view text, size_t at) {
  if (const size_t length = contraction(text, at, false)) return length;
  const size_t start = text[at] == ' ' ? at + 1 : at;
  for (const auto condition : {is_letter, is_number, is_symbol}) {
    const size_t end = run_end(text, start, condition);
    if (end > start) return end - at;
  }
  return white_space(text, at, run_end(text, at, is_space));
}

}  // namespace

size_t word_length(std::string_view text, size_t at, WordSplit split) {
  const size_t length =
      split == WordSplit::gpt_2 ? gpt_2_word(text, at) : llama_bpe_word(text, at, split == WordSplit::qwen2 ? 1 : 3);
  // The expressions match at every position of valid text. Advance in broken text too.
  return std::max<size_t>(length, 1);
}

}  // namespace starling
