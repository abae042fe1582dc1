/**
 * Anthropic/hh-rlhf: "chosen" and "rejected" are whole transcripts, "\n\nHuman: …\n\nAssistant: …", that differ in the last
 * turns. Source: the data set's card; read as in CarperAI/trlx (examples/hh) and eric-mitchell/direct-preference-optimization
 * (preference_datasets.py, get_hh).
 */
import type { ChatMessage } from "../../../prompt/messages.ts";
import { type Adapted, type AdaptOptions, conversationOf, namesOf, rowFields, textOf, wrong } from "../adapter.ts";
import { compared, NO_ANSWER } from "../compared.ts";
import { parseDialogue } from "../dialogue.ts";
import type { Layout } from "../layout.ts";

const SIDES = ["chosen", "rejected"] as const;

export const hhRlhf: Layout = {
  name: "hh-rlhf",
  title: "HH-RLHF transcripts",
  columns: { chosen: "transcript", rejected: "transcript" },
  without: ["prompt", "messages", "instruction", "question"],
  over: ["trl-texts"],
  compared: "the last turn of chosen over that of rejected",
  adapt: adaptTranscripts,
};

function adaptTranscripts(row: unknown, options: AdaptOptions = {}): Adapted {
  const { differentPrompts = "refuse" } = options;
  const fields = rowFields(row, options, '{"chosen","rejected"}', SIDES);
  const turns = SIDES.map((name) => {
    const text = textOf(fields, name);
    const parsed = parseDialogue(text);
    if (parsed === undefined) throw wrong('a transcript "\\n\\nHuman: …\\n\\nAssistant: …"', name, text);
    return parsed;
  });
  if (turns.some((one) => one.at(-1)?.role !== "assistant")) return { omitted: NO_ANSWER };
  const [first, second] = turns.map((one) => JSON.stringify(one.slice(0, -1)));
  if (first !== second && differentPrompts === "refuse") return { omitted: "different prompts" };
  const responses = SIDES.map((name, i) => ({
    item: conversationOf({ [name]: turns[i] as readonly ChatMessage[] }, name, options),
    grade: 1 - i,
    label: name,
  }));
  return compared(responses, options, namesOf(fields));
}
