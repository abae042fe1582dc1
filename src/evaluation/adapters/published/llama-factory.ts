/**
 * LLaMA-Factory's ranking data (hiyouga/LLaMA-Factory, src/llamafactory/data/converter.py): "alpaca" has instruction and input,
 * joined by a line break, and earlier turns in "history"; "sharegpt" has the conversation so far, and chosen and rejected as
 * single messages. Its version 1 (src/llamafactory/v1, data/v1_dpo_demo.jsonl) has two whole conversations, whose contents are
 * lists of parts, {"type": "text", "value": "…"}.
 */
import { readJson } from "../../../prompt/csv-cells.ts";
import { type Fields, isObject } from "../../../prompt/input-fields.ts";
import type { ChatMessage } from "../../../prompt/messages.ts";
import { type Adapted, type AdaptOptions, allGiven, asText, fieldsOf, listOf, wrong } from "../adapter.ts";
import type { Layout } from "../layout.ts";
import { adaptPairs } from "../pairs.ts";
import { refuseUnreadPrompt } from "../unread-prompt.ts";
import { chosenRejected, keeping } from "./described.ts";

export const alpacaRanking: Layout = {
  name: "alpaca-ranking",
  title: "LLaMA-Factory ranking (alpaca)",
  columns: { instruction: "text", chosen: "text", rejected: "text" },
  without: ["prompt", "messages"],
  compared: "chosen over rejected",
  adapt(row, options: AdaptOptions = {}): Adapted {
    const { instruction, input, history, ...rest } = allGiven(row, options);
    const texts = Object.entries({ instruction, input }).flatMap(([name, text]) =>
      isNothing(text) ? [] : [asText(text, name)],
    );
    if (texts.length === 0) throw wrong("a string", "instruction", undefined);
    const prompt = texts.join("\n");
    refuseUnreadPrompt({ instruction, input, ...rest }, ["instruction", "input"]);
    const earlier = historyOf(history);
    const context = earlier.length === 0 ? prompt : [...earlier, { role: "user", content: prompt }];
    return adaptPairs({ ...rest, prompt: context }, keeping(["prompt"], options));
  },
};

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || value === "";
}

function historyOf(history: unknown): readonly ChatMessage[] {
  if (isNothing(history)) return [];
  return listOf({ history }, "history").flatMap((turn, i) => {
    const where = `history[${i}]`;
    if (!Array.isArray(turn) || turn.length !== 2) throw wrong("a list of a prompt and its answer", where, turn);
    return turn.map(
      (text: unknown, j): ChatMessage => ({
        role: j === 0 ? "user" : "assistant",
        content: asText(text, `${where}[${j}]`),
      }),
    );
  });
}

const CONVERSATIONS = ["conversations", "conversation", "messages", "prompt"];

export const shareGptPairs: Layout = {
  name: "sharegpt-pairs",
  title: "LLaMA-Factory ranking (sharegpt)",
  columns: { chosen: "message", rejected: "message" },
  recognises: ({ is }) => is("prompt", "text") || CONVERSATIONS.some((name) => is(name, "messages")),
  compared: "the message chosen over the message rejected",
  adapt(row, options: AdaptOptions = {}): Adapted {
    const fields = allGiven(row, options);
    const names = CONVERSATIONS.filter((name) => fields[name] !== undefined && fields[name] !== null);
    const [name] = names;
    if (name === undefined || names.length > 1)
      throw wrong(`one list of messages (in ${CONVERSATIONS.join(", ")})`, "conversations", name && fields[name]);
    const { [name]: context, ...rest } = fields;
    const sides = Object.fromEntries(["chosen", "rejected"].map((side) => [side, sideOf(fields, side)]));
    return adaptPairs({ ...rest, prompt: context, ...sides }, keeping(["prompt"], options));
  },
};

function sideOf(fields: Fields, name: string): readonly unknown[] {
  const side = readJson(fields[name], name);
  if (side === undefined || side === null || Array.isArray(side)) throw wrong("a message", name, side);
  return [side];
}

const V1_SIDES = ["chosen_messages", "rejected_messages"] as const;

const v1Conversations = chosenRejected(
  {
    name: "llama-factory-v1",
    title: "LLaMA-Factory ranking (version 1)",
    columns: { chosen_messages: "messages", rejected_messages: "messages" },
    compared: "the last turn of chosen_messages over that of rejected_messages",
  },
  { fields: { chosen: V1_SIDES[0], rejected: V1_SIDES[1] } },
);

export const llamaFactoryV1: Layout = {
  ...v1Conversations,
  adapt(row, options: AdaptOptions = {}): Adapted {
    const fields = fieldsOf(row);
    const sides = Object.fromEntries(
      V1_SIDES.flatMap((name) => (name in fields ? [[name, withTexts(readJson(fields[name], name))]] : [])),
    );
    return v1Conversations.adapt({ ...fields, ...sides }, options);
  },
};

/** The parts of messages with their text as "text", as everywhere else; what is no text stays, and is refused by its type. */
function withTexts(messages: unknown): unknown {
  if (!Array.isArray(messages)) return messages;
  return messages.map((message: unknown) => {
    const content = isObject(message) ? message["content"] : undefined;
    if (!isObject(message) || !Array.isArray(content)) return message;
    return { ...message, content: content.map(withText) };
  });
}

function withText(part: unknown): unknown {
  if (!isObject(part) || part["type"] !== "text" || typeof part["value"] !== "string" || "text" in part) return part;
  const { value, ...rest } = part;
  return { ...rest, text: value };
}
