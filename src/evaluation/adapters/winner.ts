/** The column "winner" of votes between model_a and model_b, as the Chatbot Arena and PPE have it. */
import { type LabelColumn, unknownProblem } from "./label-values.ts";
import { isTie } from "./labels.ts";

const MODELS: readonly string[] = ["model_a", "model_b"];

/** What is expected of it, for messages. */
export const WINNERS = '"model_a", "model_b" or "tie"';

/** Which model won: 0 for model_a, 1 for model_b; "tie"; undefined: another word. */
export function winnerOf(value: string): 0 | 1 | "tie" | undefined {
  if (isTie(value)) return "tie";
  const index = MODELS.indexOf(value.trim());
  return index < 0 ? undefined : (index as 0 | 1);
}

export const winnerColumn: LabelColumn = {
  name: "winner",
  isKnown: (value) => typeof value === "string" && winnerOf(value) !== undefined,
  problem: (values) => unknownProblem("winner", values, values.wrong, WINNERS),
};
