#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "planning/batch_plan.h"

namespace starling {

using PrefixId = uint64_t;

/**
 * Prefixes that more sequences will begin with. A pinned prefix costs nothing while it is in the key-value cache of a
 * worker. Before it is evicted, its keys and values are saved here, bit for bit, within a budget of bytes: the least
 * recently used state is dropped, and computed again when needed.
 *
 * Shared by all workers of a model. Hold the lock (std::lock_guard<PinnedPrefixes>) for every call except any_saved(),
 * and while you use a Prefix.
 */
class PinnedPrefixes {
 public:
  /** Saving and restoring copy a whole prefix: shorter ones are computed faster than that. */
  static constexpr size_t MIN_COPIED_TOKENS = 16;

  struct Prefix {
    PrefixId id = 0;
    std::vector<int32_t> tokens;
    /** llama.cpp's state of the sequence; nullptr while it is in the cache, and after it was dropped. */
    std::shared_ptr<const std::vector<uint8_t>> state;
    size_t bytes() const { return state == nullptr ? 0 : state->size(); }
    TokenView view() const { return {tokens.data(), tokens.size()}; }
  };

  explicit PinnedPrefixes(size_t budget) : budget_(budget) {}

  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

  Prefix& pin(PrefixId id, TokenView tokens);
  void unpin(PrefixId id);

  /** Whether any state is saved. Needs no lock. */
  bool any_saved() const { return bytes_ > 0; }

  /** The saved prefix with the longest common prefix with these tokens, if longer than `more_than`; else nullptr. */
  Prefix* best_saved(TokenView tokens, size_t more_than);

  /** Unsaved prefixes that `cached` begins with and that are longer than `kept` tokens, longest first. */
  std::vector<Prefix*> about_to_be_evicted(TokenView cached, size_t kept);

  /**
   * Saves a state of up to `size` bytes, and drops others to make room.
   *
   * @param write fills in the state and returns how many bytes it wrote
   * @returns false when the budget is too small, memory runs out or nothing was written
   */
  bool save(Prefix& prefix, size_t size, const std::function<size_t(uint8_t* to)>& write);

 private:
  /** Recursive: restoring one prefix may save another. */
  std::recursive_mutex mutex_;
  std::atomic<size_t> bytes_{0};
  const size_t budget_;
  /** Most recently used first. */
  std::list<Prefix> prefixes_;
};

}  // namespace starling
