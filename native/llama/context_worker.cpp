#include "llama/context_worker.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

#include "llama/log.h"
#include "llama/runtime.h"
#include "support/failure.h"

namespace starling {

namespace {

/** Flagged rows of one decode where every token's reward is asked for. llama.cpp reserves a row of logits for each. */
constexpr size_t REWARDS_AT_A_TIME = 64;
constexpr size_t LEAST_CELLS = 256;

bool on_abort_check(void* user_data) { return static_cast<const StopSignal*>(user_data)->requested(); }

std::string mebibytes(uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

size_t round_up(size_t value, size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

}  // namespace

bool all_finite(const std::vector<float>& rewards) {
  return std::all_of(rewards.begin(), rewards.end(), [](float reward) { return std::isfinite(reward); });
}

void ContextWorker::ContextDeleter::operator()(llama_context* context) const { functions->llama_free(context); }

ContextWorker::ContextWorker(const ModelOptions& options, const ModelWeights& weights, PinnedPrefixes& pinned,
                             const ComputeThreads& solo, const StopSignal& stop)
    : functions_(runtime::functions()),
      options_(options),
      weights_(weights),
      pinned_(pinned),
      solo_threads_(solo),
      stop_(stop),
      hidden_(functions_, stop),
      multiple_(plan_limits(options).multiple),
      threads_(functions_, options.worker_threads),
      context_(nullptr, ContextDeleter{&functions_}) {}

PlanLimits ContextWorker::plan_limits(const ModelOptions& options) {
  PlanLimits limits;
  limits.sequences = static_cast<size_t>(options.max_sequences);
  limits.tokens = static_cast<size_t>(options.batch_tokens);
  limits.multiple = options.max_sequences > 1 ? 1 : static_cast<size_t>(options.row_multiple);
  limits.share = options.share_prefixes;
  return limits;
}

size_t ContextWorker::cells_for(const Demand& demand) const {
  // A batch may keep all of the cached sequence.
  const size_t batch = packed() ? std::min(demand.total, static_cast<size_t>(options_.batch_tokens)) : 0;
  const size_t padding = options_.padding_token < 0 ? 0 : 2 * rows_at_a_time();
  return round_up(demand.longest, multiple_) + padding + batch;
}

size_t ContextWorker::outputs_for(const Demand& demand) const {
  const size_t single = packed() ? static_cast<size_t>(options_.max_sequences) + 1 : multiple_;
  return std::max(demand.many_outputs ? REWARDS_AT_A_TIME : 0, single);
}

bool ContextWorker::has_room(const Demand& demand) const {
  return context_ != nullptr && cells_for(demand) <= cells_ && outputs_for(demand) <= outputs_;
}

/** Sizes are powers of two, so that a context is made anew a few times at most. */
void ContextWorker::make_room(const Demand& demand) {
  if (has_room(demand)) return;
  const size_t wanted = cells_for(demand);
  size_t cells = std::max(cells_, LEAST_CELLS);
  while (cells < wanted) cells *= 2;
  const size_t most =
      static_cast<size_t>(options_.context_tokens) + (packed() ? static_cast<size_t>(options_.batch_tokens) : 0);
  cells = std::max(wanted, std::min(cells, most));
  if (context_ != nullptr) save_before_eviction(0);
  cached_.clear();
  dirty_ = false;
  context_.reset();
  create_context(round_up(cells, LEAST_CELLS), std::max(outputs_for(demand), outputs_));
}

void ContextWorker::restore(TokenView tokens) {
  if (!options_.share_prefixes) return;
  const size_t common = common_prefix(cached(), tokens);
  const std::lock_guard<PinnedPrefixes> lock(pinned_);
  PinnedPrefixes::Prefix* saved = pinned_.best_saved(tokens, common + PinnedPrefixes::MIN_COPIED_TOKENS);
  if (saved == nullptr || saved->tokens.size() > cells_) return;
  // Saving what is there now may make the budget forget the very one that is wanted.
  const auto state = saved->state;
  save_before_eviction(0);
  forget_cache();
  const size_t read = functions_.llama_state_seq_set_data(context_.get(), state->data(), state->size(), 0);
  if (read == state->size()) {
    cached_ = saved->tokens;
  } else {
    dirty_ = true;
    forget_cache();
  }
}

std::vector<std::vector<float>> ContextWorker::evaluate(const BatchPlan& plan) {
  if (stop_.requested()) throw Failure::aborted();
  const LogCapture log;
  try {
    auto rewards = plan.members.size() == 1 ? evaluate_one(plan.members[0]) : evaluate_packed(plan);
    if (!std::all_of(rewards.begin(), rewards.end(), all_finite)) {
      dirty_ = true;
      cached_.clear();
      if (plan.members.size() > 1) evaluate_alone(plan, rewards);
    }
    return rewards;
  } catch (...) {
    // Whatever stands in the cache now, nothing is known of it.
    dirty_ = true;
    cached_.clear();
    throw;
  }
}

/**
 * What is computed for a token must not depend on which tokens share its micro-batch, or a prefix from the cache would
 * not be the one that is computed anew. llama.cpp's kernels keep to that but for the rows that are left over when a
 * micro-batch, or the flagged part of it, is no multiple of rows_at_a_time(); so in exact mode there are none: decodes
 * are filled up with tokens behind the last one, and the rows before the first output are flagged with it.
 */
std::vector<std::vector<float>> ContextWorker::evaluate_one(const BatchPlan::Member& member) {
  const TokenView tokens = member.sequence.tokens;
  const size_t first_output = member.sequence.first_output;
  if (ends_in_padding(member.sequence)) return evaluate_padding(member);
  keep(member.kept);
  const size_t first_row = first_output - first_output % multiple_;
  const size_t rows = round_up(tokens.length, multiple_) - first_row;
  expect_rows(rows);
  decode_pieces(tokens, member.kept, first_row);
  check_rows(rows);
  cached_.assign(tokens.ids, tokens.ids + tokens.length);
  return {read_rewards(first_output - first_row, member.sequence)};
}

/** Decodes one sequence from `at` on, in as few decodes as it takes. */
void ContextWorker::decode_pieces(TokenView tokens, size_t at, size_t first_output) {
  while (at < tokens.length) {
    size_t take = std::min(decode_tokens_, tokens.length - at);
    const size_t flagged_from = std::max(at, first_output);
    take = std::min(take, flagged_from + outputs_ - at);
    batch_.clear();
    batch_.add(tokens.ids + at, take, at, {0});
    batch_.pad(multiple_);
    if (at + take > first_output) batch_.flag_from(flagged_from - at);
    decode();
    at += take;
  }
}

/** All members in one decode; what several have in common stands in it once, as tokens of several sequences. */
std::vector<std::vector<float>> ContextWorker::evaluate_packed(const BatchPlan& plan) {
  const auto sequence_of = [](size_t member) { return static_cast<llama_seq_id>(member + 1); };
  // The last member is the next cached.
  save_before_eviction(plan.members.back().kept);
  if (dirty_) forget_cache();
  for (size_t i = 0; i < plan.members.size(); ++i)
    if (const size_t kept = plan.members[i].kept; kept > 0)
      functions_.llama_memory_seq_cp(memory(), 0, sequence_of(i), 0, static_cast<llama_pos>(kept));
  functions_.llama_memory_seq_rm(memory(), 0, -1, -1);

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

  functions_.llama_memory_seq_cp(memory(), sequence_of(plan.members.size() - 1), 0, -1, -1);
  for (size_t i = 0; i < plan.members.size(); ++i) functions_.llama_memory_seq_rm(memory(), sequence_of(i), -1, -1);
  const TokenView last = plan.members.back().sequence.tokens;
  cached_.assign(last.ids, last.ids + last.length);
  std::vector<std::vector<float>> rewards;
  for (const BatchPlan::Member& member : plan.members)
    rewards.push_back(read_rewards(row_of[member.last_segment], member.sequence));
  return rewards;
}

/**
 * Evaluates once more, each on its own, the members of a batch whose rewards are not finite: one member's NaN may have
 * reached the others, of which masked cells count as 0 times their value.
 */
void ContextWorker::evaluate_alone(const BatchPlan& plan, std::vector<std::vector<float>>& rewards) {
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

/** Leaves of the cached sequence its first tokens, or nothing. */
void ContextWorker::keep(size_t tokens) {
  // A prefix that only loses what is rounded off is still as good as there.
  save_before_eviction(tokens + multiple_ - 1);
  const bool kept =
      tokens > 0 && !dirty_ && functions_.llama_memory_seq_rm(memory(), 0, static_cast<llama_pos>(tokens), -1);
  if (!kept) {
    forget_cache();
    if (tokens > 0) throw Failure("llama.cpp could not cut the key-value cache.");
  }
}

/** Saves the pinned prefixes that are in the cache and would not be any more if `kept` tokens stayed. */
void ContextWorker::save_before_eviction(size_t kept) {
  if (dirty_) return;
  const std::lock_guard<PinnedPrefixes> lock(pinned_);
  for (PinnedPrefixes::Prefix* prefix : pinned_.about_to_be_evicted(cached(), kept)) save(*prefix);
}

/** Cuts the cached sequence to a prefix and saves its state. false: there is no room, it is computed when it is wanted.
 */
bool ContextWorker::save(PinnedPrefixes::Prefix& prefix) {
  functions_.llama_memory_seq_rm(memory(), 0, static_cast<llama_pos>(prefix.tokens.size()), -1);
  cached_.resize(prefix.tokens.size());
  const size_t size = functions_.llama_state_seq_get_size(context_.get(), 0);
  return pinned_.save(prefix, size,
                      [&](uint8_t* to) { return functions_.llama_state_seq_get_data(context_.get(), to, size, 0); });
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
 * Whatever an earlier decode left, finished, failed or aborted, must not be seen. Masked cells count as 0 times their
 * value, so stale numbers do no harm; a stale NaN would.
 */
void ContextWorker::forget_cache() {
  functions_.llama_memory_clear(memory(), dirty_);
  cached_.clear();
  dirty_ = false;
}

void ContextWorker::decode() {
  if (stop_.requested()) throw Failure::aborted();
  const LogCapture log;
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
    throw Failure("llama.cpp yielded " + std::to_string(hidden_.count()) + " hidden states for " +
                  std::to_string(rows) + " tokens: this model's graph has no tensor result_norm.");
}

/** Products and sum in double, from the first dimension to the last, rounded once: the same on every machine. */
std::vector<float> ContextWorker::read_rewards(size_t first_row, const PlannedSequence& sequence) const {
  const size_t count = sequence.tokens.length - sequence.first_output;
  std::vector<float> rewards;
  rewards.reserve(count + (sequence.features ? options_.head.size() : 0));
  if (sequence.features) {
    const float* last = hidden_.row(first_row + count - 1);
    rewards.assign(last, last + options_.head.size());
  }
  for (size_t row = first_row; row < first_row + count; ++row) {
    const float* hidden = hidden_.row(row);
    double sum = 0;
    for (size_t i = 0; i < options_.head.size(); ++i)
      sum += static_cast<double>(options_.head[i]) * static_cast<double>(hidden[i]);
    // A norm of anything else than zeros, or of what overflows, is not all zeros: then 0 is no score.
    const bool is_nothing =
        sum == 0 && std::all_of(hidden, hidden + options_.head.size(), [](float x) { return x == 0; });
    rewards.push_back(is_nothing ? std::numeric_limits<float>::quiet_NaN()
                                 : static_cast<float>(sum + options_.head_bias));
  }
  return rewards;
}

/** Memory is handed out lazily by most systems: asking for more than the machine has would end the process later. */
void ContextWorker::check_memory(size_t cells, const std::string& asked) const {
  llama_model* model = weights_.get();
  const int32_t heads = std::max(1, functions_.llama_model_n_head(model));
  const auto head_size = static_cast<uint64_t>(functions_.llama_model_n_embd(model) / heads);
  const auto width = head_size * static_cast<uint64_t>(functions_.llama_model_n_head_kv(model));
  const auto layers = static_cast<uint64_t>(functions_.llama_model_n_layer(model));
  const uint64_t wanted = 2 * cells * width * layers * (options_.kv_f32 ? 4 : 2);
  uint64_t machine = 0;
  for (size_t i = 0; i < functions_.ggml_backend_dev_count(); ++i) {
    size_t free = 0;
    size_t total = 0;
    functions_.ggml_backend_dev_memory(functions_.ggml_backend_dev_get(i), &free, &total);
    machine += total;
  }
  if (machine > 0 && wanted > machine)
    throw Failure("Not enough memory for " + asked + ": its key-value cache needs " + mebibytes(wanted) +
                  ", and this machine has " + mebibytes(machine) + ". Ask for fewer context tokens.");
}

void ContextWorker::create_context(size_t cells, size_t outputs) {
  const LogCapture log;
  const bool use_gpu = weights_.on_gpu();
  llama_context_params params = functions_.llama_context_default_params();
  params.n_ctx = static_cast<uint32_t>(cells);
  // Whole multiples, so that no micro-batch leaves rows over.
  const size_t batch_tokens = round_up(static_cast<size_t>(options_.batch_tokens), rows_at_a_time());
  params.n_batch = static_cast<uint32_t>(std::min(batch_tokens, cells));
  params.n_ubatch = std::min(
      static_cast<uint32_t>(round_up(static_cast<size_t>(options_.micro_batch), rows_at_a_time())), params.n_batch);
  params.n_seq_max = static_cast<uint32_t>(packed() ? options_.max_sequences + 1 : 1);
  params.n_outputs_max = static_cast<uint32_t>(outputs);
  params.n_threads = options_.solo_threads;
  params.n_threads_batch = options_.solo_threads;
  params.embeddings = false;
  params.pooling_type = LLAMA_POOLING_TYPE_NONE;
  params.attention_type = LLAMA_ATTENTION_TYPE_CAUSAL;
  params.flash_attn_type = options_.flash_attention ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
  params.type_k = options_.kv_f32 ? GGML_TYPE_F32 : GGML_TYPE_F16;
  params.type_v = params.type_k;
  // Sequences of one batch share cells, which a cache of its own for each sequence could not do.
  params.kv_unified = true;
  params.offload_kqv = use_gpu;
  params.op_offload = use_gpu;
  params.no_perf = true;
  params.cb_eval = &HiddenStates::callback;
  params.cb_eval_user_data = &hidden_;
  params.abort_callback = &on_abort_check;
  params.abort_callback_data = const_cast<StopSignal*>(&stop_);
  const std::string asked =
      "a context of " + std::to_string(cells) + " tokens in micro-batches of " + std::to_string(params.n_ubatch);
  check_memory(cells, asked);
  try {
    context_.reset(functions_.llama_init_from_model(weights_.get(), params));
  } catch (const std::exception& error) {
    throw Failure("Not enough memory for " + asked + ", most likely: " + error.what());
  }
  if (context_ == nullptr)
    throw Failure("Not enough memory for " + asked + ", most likely: " + log.reason("llama.cpp gave no reason"));
  apply_threads();
  decode_tokens_ = functions_.llama_n_batch(context_.get());
  cells_ = cells;
  outputs_ = outputs;
}

void ContextWorker::use_all_threads(bool all) {
  if (solo_ == all) return;
  solo_ = all;
  if (context_ != nullptr) apply_threads();
}

void ContextWorker::apply_threads() {
  const ComputeThreads& threads = solo_ ? solo_threads_ : threads_;
  functions_.llama_set_n_threads(context_.get(), threads.count(), threads.count());
  // Without a pool llama.cpp starts threads for each decode; one thread needs none.
  if (threads.pool() != nullptr)
    functions_.llama_attach_threadpool(context_.get(), threads.pool(), threads.pool());
  else
    functions_.llama_detach_threadpool(context_.get());
}

}  // namespace starling
