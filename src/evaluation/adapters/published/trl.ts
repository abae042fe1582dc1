/**
 * TRL's preference data without a prompt of its own: two whole texts that begin with the same prompt. They are scored as they
 * are, without a chat template, as trl.RewardTrainer tokenises them. With "prompt", or as conversations, TRL's rows are those of
 * "pairs". Source: huggingface/trl, docs/source/dataset_formats.md ("Preference").
 */
import { plainName } from "../../../prompt/input-fields.ts";
import { checkItem } from "../../../prompt/items.ts";
import { type Adapted, type AdaptOptions, namesOf, rowFields, textOf, wrong } from "../adapter.ts";
import { compared } from "../compared.ts";
import { parseDialogue } from "../dialogue.ts";
import type { Layout } from "../layout.ts";

const SIDES = ["chosen", "rejected"] as const;

/** Names of columns beside the texts that cannot be the prompt. */
const NOTES: ReadonlySet<string> = new Set([
  ...[
    "id",
    "idx",
    "index",
    "uid",
    "source",
    "subset",
    "category",
    "dataset",
    "split",
    "lang",
    "language",
    "domain",
    "margin",
  ],
  ...["chosenmodel", "rejectedmodel", "chosenscore", "rejectedscore", "scorechosen", "scorerejected"],
  ...["chosenrating", "rejectedrating", "type", "task", "label", "license"],
]);

export const trlTexts: Layout = {
  name: "trl-texts",
  title: "TRL, two texts with an implicit prompt",
  columns: { chosen: "text", rejected: "text" },
  recognises: ({ names }) => names.every((name) => SIDES.some((side) => side === name) || NOTES.has(plainName(name))),
  compared: "the text chosen over the text rejected, both as they are",
  adapt(row, options: AdaptOptions = {}): Adapted {
    const fields = rowFields(row, options, '{"chosen","rejected"}', SIDES);
    const [chosen, rejected] = SIDES.map((name) => textOf(fields, name)) as [string, string];
    if (chosen !== rejected && sharedWords(chosen, rejected) === "")
      throw wrong("texts that begin with the same prompt", "chosen and rejected", `${chosen.slice(0, 20)}…`);
    if (parseDialogue(chosen) !== undefined)
      throw wrong("a text without turns: --adapter hh-rlhf reads transcripts,", "chosen", chosen);
    const responses = [chosen, rejected].map((text, i) => ({
      item: checkItem({ text }, SIDES[i] as string, options),
      grade: 1 - i,
      label: SIDES[i] as string,
    }));
    return compared(responses, options, namesOf(fields));
  },
};

/** What both begin with, up to the last blank or line break. */
function sharedWords(one: string, other: string): string {
  let end = 0;
  while (end < one.length && one[end] === other[end]) end += 1;
  const shared = one.slice(0, end);
  const isWhole = end === one.length || end === other.length;
  return isWhole ? shared : shared.slice(0, shared.search(/\s\S*$/) + 1).trim();
}
