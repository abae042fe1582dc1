#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "planning/prefix_planner.h"

namespace starling {

using PrefixId = uint64_t;

/**
 * Prefixes that somebody holds on to, because more sequences that begin with them will come. While a prefix is in the
 * key-value cache it costs nothing; when it must give way there, its keys and values are saved here, bit for bit, as
 * far as a budget of bytes goes: what was used longest ago is forgotten first, and computed again when it is wanted.
 * Shared by all workers of a model: whoever uses one holds its lock (std::lock_guard<PinnedPrefixes>), also for as long
 * as it uses a Prefix.
 */
class PinnedPrefixes {
 public:
  /** Saving or restoring copies all of a prefix: fewer tokens than this are computed again sooner. */
  static constexpr size_t MIN_COPIED_TOKENS = 16;

  struct Prefix {
    PrefixId id = 0;
    std::vector<int32_t> tokens;
    /** What llama.cpp saved of it; none while it is in the cache, or after it was forgotten. */
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

  /** The saved prefix that these tokens have most in common with, if that is more than `more_than`; or nullptr. */
  Prefix* best_saved(TokenView tokens, size_t more_than);

  /** Held prefixes without a saved state that `cached` begins with and that are longer than `kept`, longest first. */
  std::vector<Prefix*> about_to_be_evicted(TokenView cached, size_t kept);

  /**
   * Keeps a state of `size` bytes that `write` fills in, and forgets others for it; `write` returns how many bytes it
   * wrote. false: there is no room for it, or nothing was written.
   */
  bool save(Prefix& prefix, size_t size, const std::function<size_t(uint8_t* to)>& write);

 private:
  // Recursive: recalling one saves another.
  std::recursive_mutex mutex_;
  std::atomic<size_t> bytes_{0};
  const size_t budget_;
  /** The one used last stands first. */
  std::list<Prefix> prefixes_;
};

}  // namespace starling
