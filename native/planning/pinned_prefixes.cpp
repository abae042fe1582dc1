#include "planning/pinned_prefixes.h"

#include <algorithm>
#include <new>

namespace starling {

PinnedPrefixes::Prefix& PinnedPrefixes::pin(PrefixId id, TokenView tokens) {
  prefixes_.push_front({id, std::vector<int32_t>(tokens.ids, tokens.ids + tokens.length), {}});
  return prefixes_.front();
}

void PinnedPrefixes::unpin(PrefixId id) {
  const auto found =
      std::find_if(prefixes_.begin(), prefixes_.end(), [id](const Prefix& prefix) { return prefix.id == id; });
  if (found == prefixes_.end()) return;
  bytes_ -= found->bytes();
  prefixes_.erase(found);
}

PinnedPrefixes::Prefix* PinnedPrefixes::best_saved(TokenView tokens, size_t more_than) {
  auto best = prefixes_.end();
  for (auto at = prefixes_.begin(); at != prefixes_.end(); ++at) {
    if (at->state == nullptr) continue;
    const size_t common = common_prefix(at->view(), tokens);
    if (common <= more_than) continue;
    best = at;
    more_than = common;
  }
  if (best == prefixes_.end()) return nullptr;
  prefixes_.splice(prefixes_.begin(), prefixes_, best);
  return &prefixes_.front();
}

std::vector<PinnedPrefixes::Prefix*> PinnedPrefixes::about_to_be_evicted(TokenView cached, size_t kept) {
  std::vector<Prefix*> found;
  for (Prefix& prefix : prefixes_)
    if (prefix.state == nullptr && prefix.tokens.size() > kept &&
        common_prefix(prefix.view(), cached) == prefix.tokens.size())
      found.push_back(&prefix);
  std::stable_sort(found.begin(), found.end(),
                   [](const Prefix* a, const Prefix* b) { return a->tokens.size() > b->tokens.size(); });
  return found;
}

bool PinnedPrefixes::save(Prefix& prefix, size_t size, const std::function<size_t(uint8_t* to)>& write) {
  if (size > budget_) return false;
  for (auto at = prefixes_.rbegin(); at != prefixes_.rend() && bytes_ + size > budget_; ++at) {
    bytes_ -= at->bytes();
    at->state.reset();
  }
  try {
    const auto state = std::make_shared<std::vector<uint8_t>>(size);
    state->resize(write(state->data()));
    if (state->empty()) return false;
    bytes_ += state->size();
    prefix.state = state;
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace starling
