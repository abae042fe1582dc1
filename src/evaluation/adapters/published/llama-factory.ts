/**
 * LLaMA-Factory's ranking data (hiyouga/LLaMA-Factory, src/llamafactory/data/converter.py): "alpaca" has instruction and input,
 * joined by a line break, and earlier turns in "history"; "sharegpt" has the conversation so far, and chosen and rejected as
 * single messages.
 */
import { asJson } from "../../../prompt/csv-cells.ts";
import type { Fields } from "../../../prompt/input-fields.ts";
import type { ChatMessage } from "../../../prompt/messages.ts";
import { type Adapted, type AdaptOptions, fieldsOf, listOf, textOf, wrong } from "../adapter.ts";
import type { Facts, Layout } from "../layout.ts";
import { adaptPairs } from "../pairs.ts";

export const alpacaRanking: Layout = {
  name: "alpaca-ranking",
  title: "LLaMA-Factory ranking (alpaca)",
  columns: { instruction: "text", chosen: "text", rejected: "text" },
  without: ["prompt", "messages"],
  compared: "chosen over rejected",
  adapt(row, options: AdaptOptions = {}): Adapted {
    const { instruction: _, input: __, history: ___, ...rest } = fieldsOf(row);
    const fields = fieldsOf(row);
    const query = [fields["instruction"], fields["input"]].filter(
      (part) => part !== null && part !== undefined && part !== "",
    );
    const texts = query.map((text, i) => textOf({ text }, "text", ["instruction", "input"][i] as string));
    if (texts.length === 0) throw wrong("a string", "instruction", undefined);
    const prompt = texts.join("\n");
    const earlier = historyOf(fields);
    const context = earlier.length === 0 ? prompt : [...earlier, { role: "user", content: prompt }];
    return adaptPairs({ ...rest, prompt: context }, options);
  },
};

function historyOf(fields: Fields): readonly ChatMessage[] {
  const { history } = fields;
  if (history === null || history === undefined || history === "") return [];
  return listOf(fields, "history").flatMap((turn, i) => {
    const where = `history[${i}]`;
    if (!Array.isArray(turn) || turn.length !== 2) throw wrong("a list of a prompt and its answer", where, turn);
    const [content, answer] = turn.map((text: unknown, j) => textOf({ text }, "text", `${where}[${j}]`)) as [
      string,
      string,
    ];
    return [
      { role: "user", content },
      { role: "assistant", content: answer },
    ] as const;
  });
}

const CONVERSATIONS = ["conversations", "conversation", "messages", "prompt"];

export const shareGptPairs: Layout = {
  name: "sharegpt-pairs",
  title: "LLaMA-Factory ranking (sharegpt)",
  columns: { chosen: "message", rejected: "message" },
  recognises: (facts) => conversationIn(facts) !== undefined,
  compared: "the message chosen over the message rejected",
  adapt(row, options: AdaptOptions = {}): Adapted {
    const fields = fieldsOf(row);
    const names = CONVERSATIONS.filter((name) => fields[name] !== undefined && fields[name] !== null);
    const [name] = names;
    if (name === undefined || names.length > 1)
      throw wrong(`one list of messages (in ${CONVERSATIONS.join(", ")})`, "conversations", name && fields[name]);
    const { [name]: context, ...rest } = fields;
    const sides = Object.fromEntries(["chosen", "rejected"].map((side) => [side, sideOf(fields, side)]));
    return adaptPairs({ ...rest, prompt: context, ...sides }, options);
  },
};

function conversationIn(facts: Facts): string | undefined {
  return CONVERSATIONS.find((name) => facts.is(name, "messages") || (name === "prompt" && facts.is(name, "text")));
}

function sideOf(fields: Fields, name: string): readonly unknown[] {
  const side = asJson(fields[name]);
  if (side === undefined || side === null || Array.isArray(side)) throw wrong("a message", name, side);
  return [side];
}
