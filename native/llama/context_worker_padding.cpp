#include "llama/context_worker.h"
#include "support/failure.h"

namespace starling {

/**
 * Whether the score of a sequence is read at the end of the padding after it: at a padding token at the last position
 * of the row. The attention mask hides padding, and the scored token attends only to the text, not to itself; the
 * padding between them has no effect.
 */
bool ContextWorker::ends_in_padding(const PlannedSequence& sequence) const {
  const size_t length = sequence.tokens.length;
  return options_.padding_token >= 0 && sequence.first_output + 1 == length &&
         length <= static_cast<size_t>(options_.padding_position);
}

/**
 * Evaluates that padding token. llama.cpp requires positions without gaps, so one token between the text and the
 * padding is moved to the position before the padding's. llama.cpp also lets every token see itself and all tokens
 * before it, so both are hidden in the row of the attention mask, after checking that they are where they must be.
 */
std::vector<std::vector<float>> ContextWorker::evaluate_padding(const BatchPlan::Member& member) {
  const TokenView tokens = member.sequence.tokens;
  const size_t length = tokens.length;
  const auto position_of = [](size_t position) { return static_cast<llama_pos>(position); };
  const auto last_position = static_cast<size_t>(options_.padding_position);
  const bool gap = length < last_position;
  truncate_cache(member.kept);

  // The last tokens of the text get a separate decode, whose mask shows that the text is in the first cells.
  const size_t tail = length - 1 - (length - 1) % multiple_;
  expect_rows(multiple_);
  if (tail > member.kept) decode_from(member.kept, {tokens.ids, tail}, length);
  hidden_.mask(length - 1 - tail, length, length);
  batch_.clear();
  batch_.add(tokens.ids + tail, length - tail, tail, {0});
  batch_.pad(multiple_);
  decode();
  check_rows(0);
  check_mask();

  const std::vector<int32_t> padding(multiple_, options_.padding_token);
  expect_rows(multiple_);
  if (gap && length % multiple_ == 0) {
    batch_.clear();
    batch_.add(padding.data(), padding.size(), length, {0});
    decode();
  }
  const size_t between = gap ? 1 : 0;
  functions_.llama_memory_seq_rm(context_.memory(), 0, position_of(length + between), -1);
  if (gap)
    functions_.llama_memory_seq_add(context_.memory(), 0, position_of(length), position_of(length + 1),
                                    position_of(last_position - 1) - position_of(length));
  hidden_.mask(0, length + between + 1, length);
  batch_.clear();
  batch_.add(padding.data(), padding.size(), last_position, {0});
  batch_.flag_from(0);
  decode();
  check_rows(multiple_);
  check_mask();
  functions_.llama_memory_seq_rm(context_.memory(), 0, position_of(length), -1);
  cached_.assign(tokens.ids, tokens.ids + length);
  return {read_rewards(0, member.sequence)};
}

/** A score is valid only if the attention of every layer read the mask that was checked and changed. */
void ContextWorker::check_mask() const {
  const auto layers = static_cast<size_t>(functions_.llama_model_n_layer(weights_.get()));
  if (hidden_.masked_layers() == layers) return;
  throw Failure("The score cannot be read at the end of the padding: the attention mask was found in " +
                std::to_string(hidden_.masked_layers()) + " of " + std::to_string(layers) +
                " layers. This llama.cpp, or its flash attention, computes attention in another way.");
}

}  // namespace starling
