/** lmsys/chatbot_arena_conversations: two conversations and which of them a person preferred. */
import type { CaseResponse } from "../case.ts";
import {
  type Adapted,
  type AdaptOptions,
  conversationOf,
  type Fields,
  rowFields,
  textOf,
  writtenBy,
  wrong,
} from "./adapter.ts";

const READ = ["conversation_a", "conversation_b"];

/** Ties are skipped, counted under the data set's own names. */
const TIES: readonly string[] = ["tie", "tie (bothbad)", "both_bad", "tie (inconsistent)"];

/** What the column "winner" can have. */
export const HUMAN_WINNERS: readonly string[] = ["model_a", "model_b", ...TIES];

export function adaptHuman(row: unknown, options: AdaptOptions = {}): Adapted {
  const fields = rowFields(row, options, '{"conversation_a","conversation_b","winner"}', READ);
  const winner = textOf(fields, "winner");
  // Validated even for ties: a file with another schema must not pass as one full of ties.
  const [a, b] = [side(fields, "a", winner, options), side(fields, "b", winner, options)];
  if (TIES.includes(winner)) return { omitted: winner };
  if (winner !== "model_a" && winner !== "model_b")
    throw wrong(
      `"model_a", "model_b" or one of ${TIES.map((tie) => JSON.stringify(tie)).join(", ")}`,
      "winner",
      winner,
    );
  const better = winner === "model_a" ? 0 : 1;
  const id = fields["question_id"];
  return {
    case: {
      responses: [a, b],
      comparisons: [{ better, worse: 1 - better }],
      ...(typeof id === "string" ? { id } : {}),
    },
  };
}

function side(fields: Fields, letter: "a" | "b", winner: string, options: AdaptOptions): CaseResponse {
  const model = `model_${letter}`;
  return {
    item: conversationOf(fields, `conversation_${letter}`, options),
    grade: winner === model ? 1 : 0,
    ...writtenBy(textOf(fields, model)),
  };
}
