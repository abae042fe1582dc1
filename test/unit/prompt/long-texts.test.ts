/** What looks at texts of users takes time in proportion to them: anything quadratic would take minutes here. */
import { expect, it } from "vitest";
import { rawMembers } from "../../../cli/raw-members.ts";
import { answerItem } from "../../../src/evaluation/adapters/answers.ts";
import { parseDialogue } from "../../../src/evaluation/adapters/dialogue.ts";
import { refuseLostPrompt } from "../../../src/evaluation/adapters/pair-checks.ts";
import { conversationWarnings } from "../../../src/prompt/conversation-warnings.ts";
import { missingCell, refuseListCell } from "../../../src/prompt/csv-cells.ts";
import { refuseUnreadInput } from "../../../src/prompt/input-fields.ts";
import { pythonAdvice, refuseLostType } from "../../../src/prompt/lost-type.ts";
import { transcriptWarning } from "../../../src/prompt/transcript.ts";
import { parseJson } from "../../../src/rows/json-value.ts";
import { contentWarning, textWarnings } from "../../../src/scoring/text-warnings.ts";

const SIZE = 500_000;
const MOST_SECONDS = 30;
const filled = (unit: string) => unit.repeat(SIZE / unit.length);

const texts: Record<string, string> = Object.fromEntries(
  [
    " ",
    "\n",
    "\t",
    "\r",
    " \n",
    "'",
    '"',
    "\\",
    "\\'",
    "[",
    "]",
    "{",
    "(",
    "#",
    "a",
    "1",
    "]\n",
    "Human:\n",
    "\nHuman: a ",
  ].flatMap((unit) => {
    const middle = filled(unit);
    const shown = JSON.stringify(unit);
    return [
      [shown, middle],
      [`Human: ${shown} x`, `Human: a${middle}x`],
      [`[${shown} x`, `[${middle}x`],
      [`[${shown} ]`, `[${middle}]`],
      [`['${shown} ]`, `['${middle}]`],
    ];
  }),
);

const marks = {
  before: { token: "<s>", allowed: 1 },
  after: { token: "</s>", allowed: 0 },
  endOfTurn: "<|im_end|>",
  begin: "<|im_start|>",
  tail: "",
  responseStart: "<|im_start|>assistant",
};

function quietly(work: () => unknown): void {
  try {
    work();
  } catch {
    // A refusal is as good as none: only its time counts.
  }
}

const functions: Record<string, (text: string) => unknown> = {
  transcriptWarning,
  refuseLostType: (text) => refuseLostType(text, "chosen", { isCell: true }),
  pythonAdvice,
  parseDialogue,
  refuseUnreadInput: (context) => refuseUnreadInput({ context, prompt: context }, "row", {}),
  conversationWarnings: (response) => conversationWarnings({ prompt: response, response }),
  refuseListCell: (text) => refuseListCell(text, "chosen"),
  missingCell: (response) => missingCell({ prompt: "a", response }),
  refuseLostPrompt: (content) => refuseLostPrompt("a?", [{ role: "user", content }], "chosen"),
  answerItem: (text) => answerItem("a", text, "chosen"),
  parseJson,
  textWarnings: (text) => textWarnings(text, marks, false),
  contentWarning: (text) => contentWarning([text], marks),
  rawMembers: (text) => rawMembers(`{"a": ${JSON.stringify(text)},"b":[${text.trim() === "" ? text : ""}1]}`),
};

it.each(Object.entries(functions))(
  "%s",
  (_, work) => {
    for (const text of Object.values(texts)) quietly(() => work(text));
    expect(Object.values(texts).length).toBeGreaterThan(0);
  },
  MOST_SECONDS * 1000,
);
