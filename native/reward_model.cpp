#include "reward_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "failure.h"
#include "log.h"
#include "runtime.h"

namespace starling {

void RewardModel::ModelDeleter::operator()(llama_model* model) const { functions->llama_model_free(model); }
void RewardModel::ContextDeleter::operator()(llama_context* context) const { functions->llama_free(context); }

RewardModel::RewardModel(const ModelOptions& options, const StopSignal& stop,
                         const std::function<void(float)>& on_progress)
    : functions_(runtime::functions()),
      stop_(stop),
      options_(options),
      hidden_(functions_, stop),
      threads_(functions_, options.threads),
      model_(nullptr, ModelDeleter{&functions_}),
      context_(nullptr, ContextDeleter{&functions_}) {
  const LogCapture log;
  load_weights(on_progress);
  if (stop_.requested()) throw Failure::aborted();
  read_info();
  create_context();
  if (stop_.requested()) throw Failure::aborted();
}

std::vector<float> RewardModel::score(const Sequences& sequences, const ScoreProgress& on_progress) {
  const LogCapture log;
  std::vector<float> scores(sequences.count());
  size_t done = 0;
  size_t tokens = 0;
  for (const Group& group : plan_groups(sequences, group_sequences_, decode_tokens_)) {
    if (stop_.requested()) throw Failure::aborted();
    evaluate(sequences, group);
    for (size_t row = 0; row < group.size(); ++row) {
      scores[group[row]] = read_score(row, group[row]);
      tokens += sequences.length(group[row]);
    }
    done += group.size();
    on_progress(done, tokens);
  }
  return scores;
}

/** Leaves the hidden state of the n-th sequence of the group in the n-th row of hidden_. */
void RewardModel::evaluate(const Sequences& sequences, const Group& group) {
  hidden_.expect(static_cast<size_t>(info_.embedding_length), group.size());
  if (group_sequences_ == 1) {
    evaluate_one(sequences.ids(group[0]), sequences.length(group[0]));
  } else {
    evaluate_packed(sequences, group);
  }
  if (hidden_.problem() != nullptr) throw Failure(std::string(hidden_.problem()) + ".");
  if (hidden_.count() != group.size())
    throw Failure("llama.cpp yielded " + std::to_string(hidden_.count()) + " hidden states for " +
                  std::to_string(group.size()) + " sequences: this model's graph has no tensor result_norm.");
  dirty_ = false;
}

/**
 * Exact mode. What is computed for a token must not depend on which tokens share its micro-batch, or a prefix from the
 * cache would not be the one that is computed anew. llama.cpp's kernels keep to that but for the rows that are left
 * over when a micro-batch is no multiple of DECODE_MULTIPLE; so there are none.
 */
void RewardModel::evaluate_one(const int32_t* ids, size_t length) {
  const size_t kept = keep_prefix(ids, length);
  dirty_ = true;
  decode_from(kept, ids, length, DECODE_MULTIPLE);
  cached_.assign(ids, ids + length);
}

/** Decodes one sequence from `at` on, in as few decodes as it takes, each filled up to a multiple of `multiple`. */
void RewardModel::decode_from(size_t at, const int32_t* ids, size_t length, size_t multiple) {
  for (; at < length; at += decode_tokens_) {
    const size_t take = std::min(decode_tokens_, length - at);
    batch_.clear();
    batch_.add(ids + at, take, static_cast<int32_t>(at), 0, at + take == length);
    batch_.pad(multiple);
    decode();
  }
}

/** Leaves in memory what the last sequence and this one begin with, and returns how many tokens that are. */
size_t RewardModel::keep_prefix(const int32_t* ids, size_t length) {
  size_t common = 0;
  // The last token is always computed: its hidden state is what is asked for.
  if (options_.share_prefixes && !dirty_) {
    const size_t most = std::min(cached_.size(), length - 1);
    while (common < most && cached_[common] == ids[common]) ++common;
    // So that a sequence, padded at its end alone, never needs more cells than the longest one.
    common -= common % DECODE_MULTIPLE;
  }
  llama_memory_t memory = functions_.llama_get_memory(context_.get());
  if (common > 0 && functions_.llama_memory_seq_rm(memory, 0, static_cast<llama_pos>(common), -1)) return common;
  clear_memory();
  return 0;
}

void RewardModel::evaluate_packed(const Sequences& sequences, const Group& group) {
  clear_memory();
  dirty_ = true;
  if (group.size() == 1) return decode_from(0, sequences.ids(group[0]), sequences.length(group[0]), 1);
  batch_.clear();
  for (size_t i = 0; i < group.size(); ++i)
    batch_.add(sequences.ids(group[i]), sequences.length(group[i]), 0, static_cast<int32_t>(i), true);
  decode();
}

/**
 * Whatever an earlier decode left, finished, failed or aborted, must not be seen. Masked cells count as 0 times their
 * value, so stale numbers do no harm; a stale NaN would.
 */
void RewardModel::clear_memory() {
  functions_.llama_memory_clear(functions_.llama_get_memory(context_.get()), dirty_);
  cached_.clear();
}

void RewardModel::decode() {
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

/** Products and sum in double, from the first dimension to the last, rounded once: the same on every machine. */
float RewardModel::read_score(size_t row, size_t sequence) const {
  const float* hidden = hidden_.row(row);
  double sum = 0;
  for (size_t i = 0; i < options_.head.size(); ++i)
    sum += static_cast<double>(options_.head[i]) * static_cast<double>(hidden[i]);
  const auto score = static_cast<float>(sum);
  if (!std::isfinite(score))
    throw Failure("The score of sequence " + std::to_string(sequence) +
                  " is not a finite number: the model's weights overflow in this precision, or the file is damaged.");
  return score;
}

}  // namespace starling
