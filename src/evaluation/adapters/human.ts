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
import { WINNERS, winnerOf } from "./winner.ts";

const READ = ["conversation_a", "conversation_b"];

export function adaptHuman(row: unknown, options: AdaptOptions = {}): Adapted {
  const fields = rowFields(row, options, '{"conversation_a","conversation_b","winner"}', READ);
  const winner = textOf(fields, "winner");
  const better = winnerOf(winner);
  // Validated even for ties: a file with another schema must not pass as one full of ties.
  const responses = (["a", "b"] as const).map((letter, i) => side(fields, letter, i === better, options));
  // Counted under the data set's own name for it.
  if (better === "tie") return { omitted: winner };
  if (better === undefined) throw wrong(WINNERS, "winner", winner);
  const id = fields["question_id"];
  return {
    case: {
      responses,
      comparisons: [{ better, worse: 1 - better }],
      ...(typeof id === "string" ? { id } : {}),
    },
  };
}

function side(fields: Fields, letter: "a" | "b", isBetter: boolean, options: AdaptOptions): CaseResponse {
  return {
    item: conversationOf(fields, `conversation_${letter}`, options),
    grade: isBetter ? 1 : 0,
    ...writtenBy(textOf(fields, `model_${letter}`)),
  };
}
