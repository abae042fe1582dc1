#include "tokenizer/sentence_piece_tokenizer.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <stdexcept>

namespace starling {

namespace {

/** U+2581, SentencePiece's visible space. */
constexpr std::string_view SPACE_MARK = "\xE2\x96\x81";

/** transformers registers ids 0, 1 and 2 as added tokens when it converts to a fast tokenizer. */
constexpr int32_t REGISTERED_IDS = 3;

/**
 * An unused piece is split into the two it was merged from, which may be unused as well. SentencePiece sets no limit;
 * there cannot be more levels than a piece has bytes.
 */
constexpr int MAX_RESEGMENT_DEPTH = 512;

/** Bytes of the UTF-8 character that begins at `at`. */
uint32_t character_at(std::string_view text, size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return static_cast<uint32_t>(std::min(length, text.size() - at));
}

std::string mark_spaces(std::string_view text, bool prefix) {
  std::string marked;
  marked.reserve(text.size() + 16);
  if (prefix) marked += SPACE_MARK;
  for (const char c : text) {
    if (c == ' ') {
      marked += SPACE_MARK;
    } else {
      marked += c;
    }
  }
  return marked;
}

/** "<0x0A>" to 10, anything else to -1. */
int byte_value(std::string_view piece) {
  if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece[5] != '>') return -1;
  int value = 0;
  for (const char c : piece.substr(3, 2)) {
    value *= 16;
    if (c >= '0' && c <= '9') {
      value += c - '0';
    } else if (c >= 'A' && c <= 'F') {
      value += c - 'A' + 10;
    } else {
      return -1;
    }
  }
  return value;
}

}  // namespace

struct SentencePieceTokenizer::Symbol {
  int32_t previous;
  int32_t next;
  /** Byte in the text. */
  uint32_t start;
  /** 0: merged into the one before. */
  uint32_t length;
  /** -1: not a piece. */
  int32_t id;
  /** Never merged. */
  bool frozen;
};

struct SentencePieceTokenizer::Bigram {
  float score;
  /** Ids of the merged, left and right piece. They break ties between equal scores in the fast tokenizers. */
  int32_t merged;
  int32_t left_id;
  int32_t right_id;
  /** Indices of symbols. */
  int32_t left;
  int32_t right;
  /** Of both when the bigram was found. If it has changed, the bigram is stale. */
  uint32_t length;
};

SentencePieceTokenizer::SentencePieceTokenizer(SentencePieceVocabulary vocabulary)
    : TokenizerBase(vocabulary.wrapper), vocabulary_(std::move(vocabulary)) {
  const size_t n = vocabulary_.scores.size();
  if (n == 0 || vocabulary_.offsets.size() != n + 1 || vocabulary_.types.size() != n ||
      vocabulary_.offsets.front() != 0 || vocabulary_.offsets.back() != vocabulary_.bytes.size()) {
    throw std::invalid_argument("the vocabulary's arrays do not fit each other");
  }
  if (!std::is_sorted(vocabulary_.offsets.begin(), vocabulary_.offsets.end())) {
    throw std::invalid_argument("the vocabulary's offsets do not ascend");
  }
  std::fill(std::begin(byte_ids_), std::end(byte_ids_), -1);
  is_added_.assign(n, false);
  for (const int32_t id : vocabulary_.added_tokens) {
    if (id < 0 || static_cast<size_t>(id) >= n) {
      throw std::invalid_argument("added token " + std::to_string(id) + " is outside the vocabulary");
    }
    is_added_[id] = true;
  }
  ids_.reserve(n);
  for (size_t i = 0; i < n; i++) {
    const int32_t id = static_cast<int32_t>(i);
    if (!std::isfinite(vocabulary_.scores[i])) {
      throw std::invalid_argument("the score of piece " + std::to_string(id) + " is not a finite number");
    }
    if (!ids_.emplace(piece(id), id).second) {
      throw std::invalid_argument("piece " + std::to_string(id) + " is in the vocabulary twice");
    }
    if (type(id) == PieceType::byte) {
      const int value = byte_value(piece(id));
      if (value < 0) throw std::invalid_argument("byte piece " + std::to_string(id) + " is not of the form <0x00>");
      byte_ids_[value] = id;
    }
    if (type(id) == PieceType::unknown) unknown_id_ = id;
  }

  std::vector<bool> normalized(n, false);
  for (const int32_t id : vocabulary_.normalized_added_tokens) {
    if (id < 0 || static_cast<size_t>(id) >= n || !is_added_[id]) {
      throw std::invalid_argument("normalized added token " + std::to_string(id) + " is not an added token");
    }
    normalized[id] = true;
  }
  for (int32_t id = 0; id < size(); id++) {
    const std::string text(piece(id));
    const PieceType kind = type(id);
    if (is_added_[id]) {
      split_slow_.add({text, id, false});
    } else if (kind == PieceType::user_defined) {
      user_defined_.add({text, id, true});
    }
    // transformers registers the first three ids when it converts to a fast tokenizer, and from 4.42 on also control
    // and user-defined pieces. The flag `normalized` of the configuration does not change what is registered.
    const bool registered = id < REGISTERED_IDS;
    const bool registered_4_42 = registered || kind == PieceType::control || kind == PieceType::user_defined;
    const bool everywhere = kind == PieceType::user_defined && !is_added_[id];
    if (registered || is_added_[id]) {
      if (registered || !normalized[id]) {
        split_4_41_.raw.add({text, id, false});
      } else {
        split_4_41_.normalized.add({mark_spaces(text, vocabulary_.add_prefix_space), id, false});
      }
    }
    if (registered_4_42 || is_added_[id]) {
      if (registered_4_42 || !normalized[id]) {
        split_4_42_.raw.add({text, id, everywhere});
      } else {
        split_4_42_.normalized.add({mark_spaces(text, vocabulary_.add_prefix_space), id, false});
      }
    }
  }
  for (int32_t id = 0; vocabulary_.longest_first && id < size(); id++) {
    const std::string_view text = piece(id);
    const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
    characters_.push_back(static_cast<uint32_t>(std::count_if(text.begin(), text.end(), begins)));
  }
  for (PatternSet* set : {&split_slow_, &user_defined_, &split_4_41_.raw, &split_4_41_.normalized, &split_4_42_.raw,
                          &split_4_42_.normalized}) {
    set->sort();
  }
}

std::string_view SentencePieceTokenizer::piece(int32_t id) const {
  const uint32_t start = vocabulary_.offsets[id];
  return std::string_view(vocabulary_.bytes).substr(start, vocabulary_.offsets[id + 1] - start);
}

/** Added tokens only result from splitting: text that merges to the same spelling is not one. */
int32_t SentencePieceTokenizer::find(std::string_view text) const {
  const auto found = ids_.find(text);
  return found == ids_.end() || is_added_[found->second] ? -1 : found->second;
}

int32_t SentencePieceTokenizer::find_mergeable(std::string_view text) const {
  const int32_t id = find(text);
  if (id < 0) return -1;
  const PieceType kind = type(id);
  return kind == PieceType::normal || kind == PieceType::user_defined || kind == PieceType::unused ? id : -1;
}

std::vector<int32_t> SentencePieceTokenizer::encode_parts(const TextParts& parts, TokenizationMode mode) const {
  const bool slow = mode == TokenizationMode::slow;
  const FastSplit& fast = mode == TokenizationMode::fast_4_41 ? split_4_41_ : split_4_42_;
  std::vector<int32_t> ids;
  const auto stretch = [&](std::string_view text) {
    if (slow) {
      encode_slow(text, ids);
    } else {
      encode_fast(text, fast.normalized, ids);
    }
  };
  split_out(slow ? split_slow_ : fast.raw, parts, ids,
            [&](size_t from, size_t to) { stretch(std::string_view(parts.text).substr(from, to - from)); });
  return ids;
}

void SentencePieceTokenizer::encode_fast(std::string_view text, const PatternSet& split,
                                         std::vector<int32_t>& ids) const {
  const std::string marked = mark_spaces(text, vocabulary_.add_prefix_space);
  const std::string_view normalized(marked);
  if (split.empty()) return encode_normalized(normalized, ids);

  size_t begin = 0;
  for (size_t at = 0; at < normalized.size();) {
    const Pattern* hit = split.match(normalized, at, normalized.size());
    if (hit == nullptr) {
      at++;
      continue;
    }
    if (at > begin) encode_normalized(normalized.substr(begin, at - begin), ids);
    ids.push_back(hit->id);
    at += hit->text.size();
    begin = at;
  }
  if (begin < normalized.size()) encode_normalized(normalized.substr(begin), ids);
}

void SentencePieceTokenizer::encode_normalized(std::string_view text, std::vector<int32_t>& ids) const {
  std::vector<Symbol> symbols;
  for (uint32_t at = 0; at < text.size();) {
    const uint32_t length = character_at(text, at);
    const int32_t id = find(text.substr(at, length));
    symbols.push_back({0, 0, at, length, id, id < 0});
    at += length;
  }
  merge(symbols, text, nullptr);
  bool unknown = false;
  for (const Symbol& symbol : symbols) {
    if (symbol.length == 0) continue;
    if (symbol.id >= 0) {
      ids.push_back(symbol.id);
      unknown = false;
    } else {
      unknown = append_fallback(text.substr(symbol.start, symbol.length), unknown, ids);
    }
  }
}

void SentencePieceTokenizer::encode_slow(std::string_view text, std::vector<int32_t>& ids) const {
  const std::string marked = mark_spaces(text, vocabulary_.add_dummy_prefix);
  const std::string_view normalized(marked);
  std::vector<Symbol> symbols;
  for (uint32_t at = 0; at < normalized.size();) {
    const Pattern* hit = user_defined_.match(normalized, at, normalized.size());
    const auto length = hit != nullptr ? static_cast<uint32_t>(hit->text.size()) : character_at(normalized, at);
    symbols.push_back({0, 0, at, length, find(normalized.substr(at, length)), hit != nullptr});
    at += length;
  }
  Splits splits;
  merge(symbols, normalized, &splits);
  bool unknown = false;
  for (const Symbol& symbol : symbols) {
    if (symbol.length > 0) {
      unknown = append_piece(normalized.substr(symbol.start, symbol.length), splits, unknown, ids, 0);
    }
  }
}

/** Never appends an unused piece: it is split into the two that it was merged from. */
bool SentencePieceTokenizer::append_piece(std::string_view text, const Splits& splits, bool after_unknown,
                                          std::vector<int32_t>& ids, int depth) const {
  const int32_t id = find(text);
  if (id < 0) return append_fallback(text, after_unknown, ids);
  if (type(id) == PieceType::unused && depth < MAX_RESEGMENT_DEPTH) {
    if (const auto split = splits.find(text); split != splits.end()) {
      const bool unknown = append_piece(split->second.first, splits, after_unknown, ids, depth + 1);
      return append_piece(split->second.second, splits, unknown, ids, depth + 1);
    }
  }
  ids.push_back(id);
  return false;
}

/**
 * Appends the byte pieces of text that is not a piece. If the vocabulary has no piece for one of its bytes, appends one
 * unknown token for a whole run of such text.
 *
 * @returns whether it ended in an unknown token
 */
bool SentencePieceTokenizer::append_fallback(std::string_view text, bool after_unknown,
                                             std::vector<int32_t>& ids) const {
  const auto byte_id = [&](char c) { return byte_ids_[static_cast<unsigned char>(c)]; };
  if (std::all_of(text.begin(), text.end(), [&](char c) { return byte_id(c) >= 0; })) {
    for (const char c : text) ids.push_back(byte_id(c));
    return false;
  }
  if (!after_unknown) ids.push_back(unknown_id_);
  return true;
}

/**
 * Merges neighbours, best first, until no pair can merge. SentencePiece (with `splits`) and the fast tokenizers differ
 * in what may merge and in the order of equal scores:
 *
 * - SentencePiece: any two neighbours that spell a normal, user-defined or unused piece; the leftmost first.
 * - fast: both must be pieces themselves. Merges were ranked when the tokenizer was converted: by score, then by the
 * ids of the merged, the left and the right piece; the leftmost of the same merge first. With `longest_first`, the
 * longest left piece and then the longest right piece go before those ids.
 */
void SentencePieceTokenizer::merge(std::vector<Symbol>& symbols, std::string_view text, Splits* splits) const {
  const bool slow = splits != nullptr;
  const auto worse = [this, slow](const Bigram& a, const Bigram& b) {
    if (a.score != b.score) return a.score < b.score;
    if (!slow) {
      if (vocabulary_.longest_first) {
        if (characters_[a.left_id] != characters_[b.left_id]) return characters_[a.left_id] < characters_[b.left_id];
        if (characters_[a.right_id] != characters_[b.right_id])
          return characters_[a.right_id] < characters_[b.right_id];
      }
      if (a.merged != b.merged) return a.merged > b.merged;
      if (a.left_id != b.left_id) return a.left_id > b.left_id;
      if (a.right_id != b.right_id) return a.right_id > b.right_id;
    }
    return a.left > b.left;
  };
  std::vector<Bigram> storage;
  storage.reserve(symbols.size());
  std::priority_queue<Bigram, std::vector<Bigram>, decltype(worse)> agenda(worse, std::move(storage));

  const auto consider = [&](int32_t left, int32_t right) {
    if (left < 0 || right < 0) return;
    const Symbol& a = symbols[left];
    const Symbol& b = symbols[right];
    if (a.frozen || b.frozen || (!slow && (a.id < 0 || b.id < 0))) return;
    const uint32_t length = a.length + b.length;
    const std::string_view joined = text.substr(a.start, length);
    const int32_t id = slow ? find_mergeable(joined) : find(joined);
    if (id < 0) return;
    agenda.push({vocabulary_.scores[id], id, a.id, b.id, left, right, length});
    if (slow && type(id) == PieceType::unused) {
      (*splits)[joined] = {text.substr(a.start, a.length), text.substr(b.start, b.length)};
    }
  };

  const auto count = static_cast<int32_t>(symbols.size());
  for (int32_t i = 0; i < count; i++) {
    symbols[i].previous = i - 1;
    symbols[i].next = i + 1 < count ? i + 1 : -1;
  }
  for (int32_t i = 0; i + 1 < count; i++) consider(i, i + 1);

  while (!agenda.empty()) {
    const Bigram best = agenda.top();
    agenda.pop();
    Symbol& left = symbols[best.left];
    Symbol& right = symbols[best.right];
    if (left.length == 0 || right.length == 0 || left.length + right.length != best.length) continue;
    left.length = best.length;
    left.id = best.merged;
    left.next = right.next;
    if (right.next >= 0) symbols[right.next].previous = best.left;
    right.length = 0;
    consider(left.previous, best.left);
    consider(best.left, left.next);
  }
}

}  // namespace starling
