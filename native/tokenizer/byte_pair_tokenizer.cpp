#include "tokenizer/byte_pair_tokenizer.h"

#include <algorithm>
#include <array>
#include <queue>
#include <stdexcept>

#include "tokenizer/composition.h"

namespace starling {

namespace {

constexpr uint8_t NORMAL = 1;

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

/** The character of each byte: printable ones are themselves, the others follow from U+0100 on, in order. */
std::array<std::string, 256> byte_alphabet() {
  std::array<std::string, 256> alphabet;
  uint32_t next = 256;
  for (uint32_t byte = 0; byte < 256; byte++) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const uint32_t code = printable ? byte : next++;
    if (code < 0x80) {
      alphabet[byte] = static_cast<char>(code);
    } else {
      alphabet[byte] = {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
    }
  }
  return alphabet;
}

const std::array<std::string, 256>& alphabet() {
  static const std::array<std::string, 256> letters = byte_alphabet();
  return letters;
}

void check_offsets(const std::vector<uint32_t>& offsets, size_t bytes, const char* what) {
  const bool sound = !offsets.empty() && offsets.front() == 0 && offsets.back() == bytes &&
                     std::is_sorted(offsets.begin(), offsets.end());
  if (!sound) throw std::invalid_argument(std::string("the offsets of the ") + what + " do not fit them");
}

}  // namespace

struct BytePairTokenizer::Symbol {
  int32_t previous;
  int32_t next;
  int32_t id;
  /** Merged into the one before. */
  bool gone;
};

struct BytePairTokenizer::Candidate {
  uint32_t rank;
  /** Indices of symbols. */
  int32_t left;
  int32_t right;
  /** Their ids when the candidate was found. If one has changed, the candidate is stale. */
  int32_t left_id;
  int32_t right_id;
  int32_t merged;
};

BytePairTokenizer::BytePairTokenizer(BytePairVocabulary vocabulary)
    : TokenizerBase(vocabulary.wrapper),
      bytes_(std::move(vocabulary.bytes)),
      split_(vocabulary.split),
      ignore_merges_(vocabulary.ignore_merges),
      composes_(vocabulary.composes) {
  const std::vector<uint32_t>& offsets = vocabulary.offsets;
  check_offsets(offsets, bytes_.size(), "tokens");
  check_offsets(vocabulary.merge_offsets, vocabulary.merges.size(), "merges");
  const size_t n = offsets.size() - 1;
  if (n == 0 || vocabulary.types.size() != n) {
    throw std::invalid_argument("the vocabulary's arrays do not fit each other");
  }
  size_ = static_cast<int32_t>(n);
  std::vector<bool> is_added(n, false);
  const auto check_id = [n](int32_t id) {
    if (id < 0 || static_cast<size_t>(id) >= n) {
      throw std::invalid_argument("added token " + std::to_string(id) + " is outside the vocabulary");
    }
  };
  for (const int32_t id : vocabulary.added_tokens) {
    check_id(id);
    is_added[id] = true;
  }
  std::vector<bool> is_normalized(n, false);
  for (const int32_t id : vocabulary.normalized_added_tokens) {
    check_id(id);
    is_normalized[id] = true;
  }
  for (size_t id = 0; id < n; id++) {
    const std::string_view token = std::string_view(bytes_).substr(offsets[id], offsets[id + 1] - offsets[id]);
    if (is_added[id]) {
      (is_normalized[id] ? normalized_ : raw_).add({std::string(token), static_cast<int32_t>(id), false});
    } else if (vocabulary.types[id] == NORMAL && !words_.emplace(token, static_cast<int32_t>(id)).second) {
      throw std::invalid_argument("token " + std::to_string(id) + " is in the vocabulary twice");
    }
  }
  if (composes_ && !normalized_.empty()) {
    throw std::invalid_argument("added tokens with the flag normalized cannot be found in text that is composed");
  }
  raw_.sort();
  normalized_.sort();
  for (size_t byte = 0; byte < 256; byte++) {
    const auto found = words_.find(alphabet()[byte]);
    if (found == words_.end()) {
      throw std::invalid_argument("the vocabulary has no token for the byte " + std::to_string(byte));
    }
    byte_ids_[byte] = found->second;
  }
  read_merges(vocabulary);
}

/** Skips merges of or into added tokens: text never becomes an added token. */
void BytePairTokenizer::read_merges(const BytePairVocabulary& vocabulary) {
  const std::string_view merges(vocabulary.merges);
  const size_t count = vocabulary.merge_offsets.size() - 1;
  merges_.reserve(count);
  std::string joined;
  for (size_t i = 0; i < count; i++) {
    const uint32_t start = vocabulary.merge_offsets[i];
    const std::string_view merge = merges.substr(start, vocabulary.merge_offsets[i + 1] - start);
    const size_t space = merge.find(' ');
    if (space == std::string_view::npos) {
      throw std::invalid_argument("merge " + std::to_string(i) + " is not a pair of tokens");
    }
    const std::string_view left = merge.substr(0, space);
    const std::string_view right = merge.substr(space + 1);
    joined.assign(left).append(right);
    const auto a = words_.find(left);
    const auto b = words_.find(right);
    const auto c = words_.find(joined);
    if (a == words_.end() || b == words_.end() || c == words_.end()) continue;
    merges_.emplace(pair_key(a->second, b->second), Merge{static_cast<uint32_t>(i), c->second});
  }
}

const BytePairTokenizer::Merge* BytePairTokenizer::find_merge(int32_t left, int32_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

std::vector<int32_t> BytePairTokenizer::encode_parts(const TextParts& parts, TokenizationMode) const {
  std::vector<int32_t> ids;
  const std::string_view text(parts.text);
  split_out(raw_, parts, ids, [&](size_t from, size_t to) {
    const std::string_view own = text.substr(from, to - from);
    if (composes_) return encode_stretch(composed(own), ids);
    if (normalized_.empty()) return encode_stretch(own, ids);
    // The stretch keeps its division into template text and content.
    TextParts inner({std::string(own)});
    inner.ends.clear();
    auto part = std::upper_bound(parts.ends.begin(), parts.ends.end(), from);
    // An empty first part keeps content at odd indices.
    if ((part - parts.ends.begin()) % 2 == 1) inner.ends.push_back(0);
    do inner.ends.push_back(std::min(*part, to) - from);
    while (*part++ < to);
    split_out(normalized_, inner, ids, [&](size_t begin, size_t end) {
      encode_stretch(std::string_view(inner.text).substr(begin, end - begin), ids);
    });
  });
  return ids;
}

void BytePairTokenizer::encode_stretch(std::string_view text, std::vector<int32_t>& ids) const {
  for (size_t at = 0; at < text.size();) {
    const size_t length = word_length(text, at, split_);
    encode_word(text.substr(at, length), ids);
    at += length;
  }
}

void BytePairTokenizer::encode_word(std::string_view word, std::vector<int32_t>& ids) const {
  if (ignore_merges_) {
    std::string spelled;
    for (const char c : word) spelled += alphabet()[static_cast<unsigned char>(c)];
    const auto found = words_.find(spelled);
    if (found != words_.end()) {
      ids.push_back(found->second);
      return;
    }
  }
  const auto count = static_cast<int32_t>(word.size());
  std::vector<Symbol> symbols(word.size());
  for (int32_t i = 0; i < count; i++) {
    symbols[i] = {i - 1, i + 1 < count ? i + 1 : -1, byte_ids_[static_cast<unsigned char>(word[i])], false};
  }
  const auto worse = [](const Candidate& a, const Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
  };
  std::priority_queue<Candidate, std::vector<Candidate>, decltype(worse)> agenda(worse);
  const auto consider = [&](int32_t left, int32_t right) {
    if (left < 0 || right < 0) return;
    const int32_t a = symbols[left].id;
    const int32_t b = symbols[right].id;
    if (const Merge* merge = find_merge(a, b)) agenda.push({merge->rank, left, right, a, b, merge->merged});
  };
  for (int32_t i = 0; i + 1 < count; i++) consider(i, i + 1);
  while (!agenda.empty()) {
    const Candidate best = agenda.top();
    agenda.pop();
    Symbol& left = symbols[best.left];
    Symbol& right = symbols[best.right];
    const bool stale =
        left.gone || right.gone || left.next != best.right || left.id != best.left_id || right.id != best.right_id;
    if (stale) continue;
    left.id = best.merged;
    left.next = right.next;
    if (right.next >= 0) symbols[right.next].previous = best.left;
    right.gone = true;
    consider(left.previous, best.left);
    consider(best.left, left.next);
  }
  for (int32_t i = 0; i >= 0 && i < count; i = symbols[i].next) ids.push_back(symbols[i].id);
}

}  // namespace starling
