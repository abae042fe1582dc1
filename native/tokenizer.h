// Text to token ids, to the letter of the reference. Pure C++: no Node-API, no llama.cpp.
//
// One SentencePiece BPE vocabulary, three ways to use it (design and versions: scripts/oracle/TOKENIZATION.md):
//
//   slow       SentencePiece itself: added tokens are split out, user-defined pieces are matched first (longest
//              prefix), the rest is merged by score; an optional dummy prefix; unused pieces are split again.
//   fast-4.41  transformers' fast tokenizer up to 4.41: added tokens are split out, every other stretch of text gets
//              one U+2581 in front and is merged by the rank of its merges; user-defined pieces mean nothing special.
//   fast-4.42  the same from 4.42 on: control and user-defined pieces are split out like added tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace starling {

enum class TokenizationMode { slow, fast_4_41, fast_4_42 };

// SentencePiece's piece types (sentencepiece_model.proto).
enum class PieceType : uint8_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

struct Vocabulary {
    std::string bytes;              // all pieces, UTF-8, one after another
    std::vector<uint32_t> offsets;  // n + 1 entries; piece i is bytes[offsets[i] .. offsets[i + 1])
    std::vector<float> scores;      // n
    std::vector<uint8_t> types;     // n, PieceType
    std::vector<int32_t> added_tokens;
    std::vector<int32_t> normalized_added_tokens;  // a subset of added_tokens
    bool add_dummy_prefix = false;  // mode slow
    bool add_prefix_space = true;   // modes fast
    int32_t pad_token_id = 0;
};

struct EncodedText {
    std::vector<int32_t> ids;   // what stays after truncation
    uint32_t total_tokens = 0;  // before truncation
    int32_t first_pad = -1;     // index in ids, or -1
    // How many of the ids (before its last one) the text has in common with the beginning of its stem; 0 without one.
    uint32_t stem_tokens = 0;
};

class Tokenizer {
public:
    // Throws std::invalid_argument, with the piece or id in words, for a vocabulary that contradicts itself.
    explicit Tokenizer(Vocabulary vocabulary);

    Tokenizer(const Tokenizer &) = delete;
    Tokenizer & operator=(const Tokenizer &) = delete;

    int32_t size() const { return static_cast<int32_t>(vocabulary_.scores.size()); }

    // Parts with an even index are template text; in parts with an odd index (content) added tokens and control pieces
    // are plain text. The parts are joined before anything is merged. The last max_tokens ids stay. A stem is the same
    // text with its last content left out, to tell where that content begins. Thread-safe.
    EncodedText encode(const std::vector<std::string> & parts, TokenizationMode mode, uint32_t max_tokens,
                       const std::vector<std::string> & stem = {}) const;

private:
    std::vector<int32_t> encode_parts(const std::vector<std::string> & parts, TokenizationMode mode) const;

    // A piece that is split out of the text before merging.
    struct Pattern {
        std::string text;
        int32_t id;
        bool everywhere;  // also inside content
    };

    // Patterns by first byte, longest first, so that the first hit is the longest.
    class PatternSet {
    public:
        void add(Pattern pattern);
        void sort();
        // The longest pattern that text has at `at` and that may match there; nullptr for none.
        const Pattern * match(std::string_view text, size_t at, size_t template_end) const;
        bool empty() const { return empty_; }

    private:
        std::vector<std::vector<Pattern>> by_first_byte_ = std::vector<std::vector<Pattern>>(256);
        bool empty_ = true;
    };

    // What a fast tokenizer splits out: of the raw text, and then of each stretch as the normaliser changed it.
    struct FastSplit {
        PatternSet raw;
        PatternSet normalized;
    };

    struct Symbol;
    struct Bigram;

    std::string_view piece(int32_t id) const;
    int32_t find(std::string_view text) const;             // any piece that text may become, or -1
    int32_t find_mergeable(std::string_view text) const;   // what SentencePiece merges to, or -1
    PieceType type(int32_t id) const { return static_cast<PieceType>(vocabulary_.types[id]); }

    // Unused pieces that a merge made, and the two halves of each.
    using Splits = std::unordered_map<std::string_view, std::pair<std::string_view, std::string_view>>;

    void encode_slow(std::string_view text, std::vector<int32_t> & ids) const;
    void encode_fast(std::string_view text, const PatternSet & split, std::vector<int32_t> & ids) const;
    void encode_normalized(std::string_view text, std::vector<int32_t> & ids) const;
    void merge(std::vector<Symbol> & symbols, std::string_view text, Splits * splits) const;
    bool append_piece(std::string_view text, const Splits & splits, bool after_unknown, std::vector<int32_t> & ids,
                      int depth) const;
    bool append_fallback(std::string_view text, bool after_unknown, std::vector<int32_t> & ids) const;

    Vocabulary vocabulary_;
    std::unordered_map<std::string_view, int32_t> ids_;
    std::vector<bool> is_added_;
    int32_t byte_ids_[256];
    int32_t unknown_id_ = 0;
    PatternSet split_slow_;    // added tokens
    PatternSet user_defined_;  // what SentencePiece matches before it merges
    FastSplit split_4_41_;
    FastSplit split_4_42_;
};

}  // namespace starling
