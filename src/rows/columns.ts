/** Names of columns. */

const NAMES = [
  "text",
  "prompt",
  "response",
  "responses",
  "messages",
  "system",
  "chosen",
  "rejected",
  "ranks",
  "grades",
];
/** Common names of the same in other data sets. */
const COMMON_NAMES = [
  ...["instruction", "input", "query", "answer", "output", "completion", "outputs", "completions", "conversations"],
];

/** Columns that are read. */
export const READ_COLUMNS: ReadonlySet<string> = new Set([
  ...NAMES,
  ...["id", "subset", "question", "best_answer", "correct_answers", "incorrect_answers", "answers"],
  ...COMMON_NAMES,
  ...["conversation_a", "conversation_b", "winner", "model_a", "model_b", "question_id"],
  ...["response_0", "response_1", "is_response_0_safe", "is_response_1_safe", "num_correct", "total_completions"],
]);

/** What `--field` can name in data of preferences: also the columns of two responses and their label, and scores. */
export const CASE_FIELDS: readonly string[] = [
  ...READ_COLUMNS,
  ...["label", "response_a", "response_b", "response_1", "response_2", "score", "scores", "rank"],
];

/** Names that mark a first line as the header. */
export const HEADER_NAMES: ReadonlySet<string> = new Set([
  ...NAMES,
  ...COMMON_NAMES,
  ...["id", "question", "answers", "conversation"],
]);
