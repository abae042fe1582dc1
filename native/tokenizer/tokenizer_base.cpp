#include "tokenizer/tokenizer_base.h"

#include <algorithm>
#include <stdexcept>

namespace starling {

namespace {

/** A space becomes three bytes, and symbols are indexed by signed 32-bit numbers. */
constexpr size_t MAX_TEXT_BYTES = (size_t{1} << 31) / 3 - 16;

}  // namespace

TextParts::TextParts(const std::vector<std::string>& list) {
  size_t bytes = 0;
  for (const std::string& part : list) bytes += part.size();
  if (bytes > MAX_TEXT_BYTES) {
    throw std::length_error("a text has " + std::to_string(bytes) + " bytes, which is more than " +
                            std::to_string(MAX_TEXT_BYTES));
  }
  text.reserve(bytes);
  for (const std::string& part : list) {
    text += part;
    ends.push_back(text.size());
  }
}

EncodedText TokenizerBase::encode(const std::vector<std::string>& parts, const EncodeOptions& options,
                                  const std::vector<std::string>& prompt) const {
  static const std::vector<int32_t> nothing;
  const std::vector<int32_t>& before = options.wrapped ? wrapper_.before : nothing;
  const std::vector<int32_t>& after = options.wrapped ? wrapper_.after : nothing;
  std::vector<int32_t> inner = encode_parts(TextParts(parts), options.mode);
  size_t common = 0;
  if (!prompt.empty()) {
    const std::vector<int32_t> other = encode_parts(TextParts(prompt), options.mode);
    const size_t most = std::min(inner.size(), other.size());
    while (common < most && inner[common] == other[common]) common++;
  }
  EncodedText encoded;
  const size_t around = before.size() + after.size();
  encoded.total_tokens = static_cast<uint32_t>(inner.size() + around);
  const size_t room = options.max_tokens > around ? options.max_tokens - around : 0;
  if (inner.size() > room) {
    const size_t cut = inner.size() - room;
    inner.erase(inner.begin(), inner.begin() + static_cast<ptrdiff_t>(cut));
    common -= std::min(common, cut);
  }
  std::vector<int32_t>& ids = encoded.ids;
  if (around == 0) {
    ids = std::move(inner);
  } else {
    ids.reserve(inner.size() + around);
    ids.insert(ids.end(), before.begin(), before.end());
    ids.insert(ids.end(), inner.begin(), inner.end());
    ids.insert(ids.end(), after.begin(), after.end());
  }
  const size_t shared = prompt.empty() ? 0 : before.size() + common;
  encoded.prompt_tokens = static_cast<uint32_t>(std::min(shared, ids.empty() ? 0 : ids.size() - 1));
  const auto is_pad = [this](int32_t id) { return id == wrapper_.pad_token_id; };
  const auto pad = std::find_if(ids.begin(), ids.end(), is_pad);
  if (pad != ids.end()) encoded.first_pad = static_cast<int32_t>(pad - ids.begin());
  const auto last = std::find_if_not(ids.rbegin(), ids.rend(), is_pad);
  encoded.last_non_pad = static_cast<int32_t>(ids.rend() - last) - 1;
  return encoded;
}

}  // namespace starling
