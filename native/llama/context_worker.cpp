#include "llama/context_worker.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <new>

#include "llama/log.h"
#include "llama/prefill_injection.h"
#include "llama/runtime.h"
#include "support/failure.h"

namespace starling {

namespace {

/** Flagged rows per decode when the rewards of all tokens are wanted. llama.cpp reserves a row of logits for each. */
constexpr size_t MAX_REWARDS_PER_DECODE = 64;
constexpr size_t MIN_CELLS = 256;

}  // namespace

bool all_finite(const std::vector<float>& rewards) {
  return std::all_of(rewards.begin(), rewards.end(), [](float reward) { return std::isfinite(reward); });
}

ContextWorker::ContextWorker(const ModelOptions& options, const ModelWeights& weights, PinnedPrefixes& pinned,
                             const ComputeThreads& solo, const StopSignal& stop)
    : functions_(runtime::functions()),
      options_(options),
      weights_(weights),
      pinned_(pinned),
      stop_(stop),
      hidden_(functions_, stop, !weights.on_gpu()),
      multiple_(plan_limits(options).multiple),
      context_(options, weights, hidden_, solo, stop) {}

PlanLimits ContextWorker::plan_limits(const ModelOptions& options) {
  PlanLimits limits;
  limits.sequences = static_cast<size_t>(options.max_sequences);
  limits.tokens = static_cast<size_t>(options.batch_tokens);
  limits.multiple = options.max_sequences > 1 ? 1 : static_cast<size_t>(options.row_multiple);
  limits.share = options.share_prefixes;
  return limits;
}

size_t ContextWorker::cells_for(const Demand& demand) const {
  // A batch may reuse all of the cached sequence.
  const size_t batch = allows_several() ? std::min(demand.total, static_cast<size_t>(options_.batch_tokens)) : 0;
  const size_t padding = options_.padding_token < 0 ? 0 : 2 * static_cast<size_t>(options_.row_multiple);
  return round_up(demand.longest, multiple_) + padding + batch;
}

size_t ContextWorker::outputs_for(const Demand& demand) const {
  const size_t single = allows_several() ? static_cast<size_t>(options_.max_sequences) + 1 : multiple_;
  return std::max(demand.many_outputs ? MAX_REWARDS_PER_DECODE : 0, single);
}

bool ContextWorker::fits(const Demand& demand) const { return context_.fits(cells_for(demand), outputs_for(demand)); }

/** Sizes are powers of two, so a context is replaced only a few times. */
void ContextWorker::reserve(const Demand& demand) {
  if (fits(demand)) return;
  const size_t wanted = cells_for(demand);
  size_t cells = std::max(context_.cells(), MIN_CELLS);
  while (cells < wanted) cells *= 2;
  const size_t most = static_cast<size_t>(options_.context_tokens) +
                      (allows_several() ? static_cast<size_t>(options_.batch_tokens) : 0);
  cells = std::max(wanted, std::min(cells, most));
  if (context_.get() != nullptr) save_before_eviction(0);
  cached_.clear();
  dirty_ = false;
  context_.create(round_up(cells, MIN_CELLS), std::max(outputs_for(demand), context_.outputs()));
}

void ContextWorker::restore(TokenView tokens) {
  if (!options_.share_prefixes) return;
  const size_t common = common_prefix(cached(), tokens);
  const std::lock_guard<PinnedPrefixes> lock(pinned_);
  PinnedPrefixes::Prefix* saved = pinned_.best_saved(tokens, common + PinnedPrefixes::MIN_COPIED_TOKENS);
  if (saved == nullptr || saved->tokens.size() > context_.cells()) return;
  // Keeps the state alive: saving what is cached now may drop it from the budget.
  const auto state = saved->state;
  save_before_eviction(0);
  clear_cache();
  const size_t read = functions_.llama_state_seq_set_data(context_.get(), state->data(), state->size(), 0);
  if (read == state->size()) {
    cached_ = saved->tokens;
    in_order_ = cached_.size();
  } else {
    dirty_ = true;
    clear_cache();
  }
}

std::vector<std::vector<float>> ContextWorker::evaluate(const BatchPlan& plan) {
  if (stop_.requested()) throw Failure::aborted();
  const LogCapture log;
  try {
    auto rewards = plan.members.size() == 1 ? evaluate_one(plan.members[0]) : evaluate_several(plan);
    if (!std::all_of(rewards.begin(), rewards.end(), all_finite)) {
      dirty_ = true;
      cached_.clear();
      if (plan.members.size() > 1) repeat_alone(plan, rewards);
    }
    return rewards;
  } catch (...) {
    // The contents of the cache are unknown now.
    dirty_ = true;
    cached_.clear();
    throw;
  }
}

/**
 * A token's hidden state must not depend on which tokens share its micro-batch; otherwise a cached prefix would differ
 * from the same prefix computed again. llama.cpp's kernels break this only for the rows that remain when the size of a
 * micro-batch, or of its flagged part, is not a multiple of row_multiple. So in exact mode there is no remainder:
 * decodes are padded with tokens after the last one, and the rows before the first output are flagged too. Ours compute
 * every row by itself: where they compute everything, row_multiple is 1, and nothing is padded.
 */
std::vector<std::vector<float>> ContextWorker::evaluate_one(const BatchPlan::Member& member) {
  const TokenView tokens = member.sequence.tokens;
  const size_t first_output = member.sequence.first_output;
  if (ends_in_padding(member.sequence)) return evaluate_padding(member);
  const size_t kept = truncate_cache(member.kept);
  const size_t first_row = first_output - first_output % multiple_;
  const size_t rows = round_up(tokens.length, multiple_) - first_row;
  expect_rows(rows);
  decode_from(kept, tokens, first_row);
  check_rows(rows);
  cached_.assign(tokens.ids, tokens.ids + tokens.length);
  in_order_ = cached_.size();
  return {read_rewards(first_output - first_row, member.sequence)};
}

/** Decodes one sequence from `at` on, in as few decodes as possible. */
void ContextWorker::decode_from(size_t at, TokenView tokens, size_t first_output) {
  while (at < tokens.length) {
    size_t take = std::min(context_.batch_tokens(), tokens.length - at);
    const size_t flagged_from = std::max(at, first_output);
    take = std::min(take, flagged_from + context_.outputs() - at);
    batch_.clear();
    batch_.add(tokens.ids + at, take, at, {0});
    batch_.pad(multiple_);
    if (at + take > first_output) batch_.flag_from(flagged_from - at);
    decode();
    at += take;
  }
}

/** All members in one decode; one by one, if there is no memory to move what they reuse. */
std::vector<std::vector<float>> ContextWorker::evaluate_several(const BatchPlan& plan) {
  save_before_eviction(plan.members[plan.next_cached].kept);
  const size_t kept = plan.most_kept();
  if (truncate_cache(kept) == kept) return evaluate_together(plan);
  std::vector<std::vector<float>> rewards;
  for (BatchPlan::Member member : plan.members) {
    member.kept = 0;
    rewards.push_back(std::move(evaluate_one(member).front()));
  }
  return rewards;
}

/** What several members share is in the decode once, as tokens of several sequences. */
std::vector<std::vector<float>> ContextWorker::evaluate_together(const BatchPlan& plan) {
  const auto sequence_of = [](size_t member) { return static_cast<llama_seq_id>(member + 1); };
  for (size_t i = 0; i < plan.members.size(); ++i)
    if (const size_t kept = plan.members[i].kept; kept > 0)
      functions_.llama_memory_seq_cp(context_.memory(), 0, sequence_of(i), 0, static_cast<llama_pos>(kept));
  functions_.llama_memory_seq_rm(context_.memory(), 0, -1, -1);

  std::vector<bool> flagged(plan.segments.size());
  for (const BatchPlan::Member& member : plan.members) flagged[member.last_segment] = true;
  std::vector<size_t> row_of(plan.segments.size());
  size_t rows = 0;
  batch_.clear();
  for (size_t i = 0; i < plan.segments.size(); ++i) {
    const Segment& segment = plan.segments[i];
    std::vector<llama_seq_id> sequences;
    for (const size_t member : segment.sharers) sequences.push_back(sequence_of(member));
    const int32_t* ids = plan.members[segment.sharers[0]].sequence.tokens.ids;
    batch_.add(ids + segment.begin, segment.end - segment.begin, segment.begin, std::move(sequences));
    if (flagged[i]) batch_.flag_from(batch_.size() - 1);
    row_of[i] = rows;
    if (flagged[i]) ++rows;
  }
  expect_rows(rows);
  decode();
  check_rows(rows);

  functions_.llama_memory_seq_cp(context_.memory(), sequence_of(plan.next_cached), 0, -1, -1);
  for (size_t i = 0; i < plan.members.size(); ++i)
    functions_.llama_memory_seq_rm(context_.memory(), sequence_of(i), -1, -1);
  const TokenView next = plan.cached();
  cached_.assign(next.ids, next.ids + next.length);
  // Its tokens came first, after all that was kept. What others kept of it is free now.
  const size_t kept = plan.members[plan.next_cached].kept;
  in_order_ = kept == plan.most_kept() ? cached_.size() : kept;
  std::vector<std::vector<float>> rewards;
  for (const BatchPlan::Member& member : plan.members)
    rewards.push_back(read_rewards(row_of[member.last_segment], member.sequence));
  return rewards;
}

/**
 * Evaluates again, one by one, the members whose rewards are not finite. The NaN of one member may have reached others:
 * masked cells are multiplied with 0, and 0 times NaN is NaN.
 */
void ContextWorker::repeat_alone(const BatchPlan& plan, std::vector<std::vector<float>>& rewards) {
  for (size_t i = 0; i < plan.members.size(); ++i) {
    if (all_finite(rewards[i])) continue;
    BatchPlan::Member member = plan.members[i];
    member.kept = 0;
    rewards[i] = std::move(evaluate_one(member).front());
    if (all_finite(rewards[i])) continue;
    dirty_ = true;
    cached_.clear();
  }
}

/**
 * Keeps the first `tokens` of the cached sequence.
 *
 * @returns how many it kept: 0 if there is no memory to move them
 */
size_t ContextWorker::truncate_cache(size_t tokens) {
  // A prefix that loses less than `multiple_` tokens is not worth saving.
  save_before_eviction(tokens + multiple_ - 1);
  const bool kept =
      tokens > 0 && !dirty_ && functions_.llama_memory_seq_rm(context_.memory(), 0, static_cast<llama_pos>(tokens), -1);
  if (!kept) {
    clear_cache();
    if (tokens > 0) throw Failure("llama.cpp could not cut the key-value cache.");
  }
  cached_.resize(tokens);
  in_order_ = std::min(in_order_, tokens);
  return tokens == in_order_ || !options_.prefill.attention || close_gaps() ? tokens : 0;
}

/**
 * Moves the cached sequence to the first cells. llama.cpp puts new tokens into gaps; our attention adds cells up in
 * their order, which must be that of the tokens.
 *
 * @returns whether there was memory for it; otherwise the cache is empty
 */
bool ContextWorker::close_gaps() {
  const size_t size = functions_.llama_state_seq_get_size(context_.get(), 0);
  std::vector<uint8_t> state;
  try {
    state.resize(size);
  } catch (const std::bad_alloc&) {
    clear_cache();
    return false;
  }
  const size_t written = functions_.llama_state_seq_get_data(context_.get(), state.data(), size, 0);
  functions_.llama_memory_clear(context_.memory(), false);
  const size_t read = functions_.llama_state_seq_set_data(context_.get(), state.data(), written, 0);
  if (written == 0 || read != written) throw Failure("llama.cpp could not move keys and values in its cache.");
  in_order_ = cached_.size();
  return true;
}

/** Saves the pinned prefixes that are in the cache and longer than the `kept` tokens that will stay. */
void ContextWorker::save_before_eviction(size_t kept) {
  if (dirty_) return;
  const std::lock_guard<PinnedPrefixes> lock(pinned_);
  for (PinnedPrefixes::Prefix* prefix : pinned_.about_to_be_evicted(cached(), kept)) save(*prefix);
}

/**
 * Saves the state of a prefix that is in the cache. With one sequence, the cache is truncated to it; with several, the
 * next batch may need more of the cache. false: no room for it; it is computed again when needed.
 */
bool ContextWorker::save(PinnedPrefixes::Prefix& prefix) {
  const auto length = static_cast<llama_pos>(prefix.tokens.size());
  // One that no member of a batch has meanwhile.
  const llama_seq_id sequence = allows_several() ? options_.max_sequences : 0;
  if (allows_several()) {
    functions_.llama_memory_seq_cp(context_.memory(), 0, sequence, 0, length);
  } else {
    functions_.llama_memory_seq_rm(context_.memory(), 0, length, -1);
    cached_.resize(prefix.tokens.size());
  }
  const size_t size = functions_.llama_state_seq_get_size(context_.get(), sequence);
  const bool saved = pinned_.save(prefix, size, [&](uint8_t* to) {
    return functions_.llama_state_seq_get_data(context_.get(), to, size, sequence);
  });
  if (allows_several()) functions_.llama_memory_seq_rm(context_.memory(), sequence, -1, -1);
  return saved;
}

bool ContextWorker::pin_and_save(PrefixId id, size_t length) {
  if (dirty_ || length > cached_.size()) return false;
  const std::lock_guard<PinnedPrefixes> lock(pinned_);
  save_before_eviction(length);
  if (save(pinned_.pin(id, {cached_.data(), length}))) return true;
  pinned_.unpin(id);
  return false;
}

/**
 * Masked cells are multiplied with 0. Stale finite values are harmless there, but a stale NaN would stay NaN: then the
 * bytes are cleared too.
 */
void ContextWorker::clear_cache() {
  functions_.llama_memory_clear(context_.memory(), dirty_);
  cached_.clear();
  in_order_ = 0;
  dirty_ = false;
}

void ContextWorker::decode() {
  if (stop_.requested()) throw Failure::aborted();
  const LogCapture log;
  const PrefillScope kernels(options_.prefill);
  int32_t status = 0;
  try {
    status = functions_.llama_decode(context_.get(), batch_.view());
    // A GPU backend may still be copying outputs.
    functions_.llama_synchronize(context_.get());
  } catch (const std::exception& error) {
    throw Failure(std::string("llama.cpp failed: ") + error.what());
  }
  if (stop_.requested()) throw Failure::aborted();
  if (status == 0) return;
  throw Failure("llama_decode failed with status " + std::to_string(status) + ": " +
                log.reason(status == 1 ? "no room in the key-value cache" : "no reason given"));
}

void ContextWorker::check_rows(size_t rows) const {
  if (hidden_.problem() != nullptr) throw Failure(std::string(hidden_.problem()) + ".");
  if (hidden_.count() != rows)
    throw Failure("llama.cpp computed " + std::to_string(hidden_.count()) + " hidden states for " +
                  std::to_string(rows) + " tokens: this model's graph has no tensor result_norm.");
}

std::vector<float> ContextWorker::read_rewards(size_t first_row, const PlannedSequence& sequence) const {
  const size_t count = sequence.tokens.length - sequence.first_output;
  const size_t width = sequence.features ? options_.head.width() : 0;
  const float* last = hidden_.row(first_row + count - 1);
  std::vector<float> rewards(last, last + width);
  rewards.reserve(width + count);
  for (size_t row = first_row; row < first_row + count; ++row) rewards.push_back(options_.head.score(hidden_.row(row)));
  return rewards;
}

}  // namespace starling
