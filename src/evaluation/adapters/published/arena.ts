/**
 * Votes of the Chatbot Arena and of MT-Bench: two conversations and which one was preferred.
 *
 * - lmsys/chatbot_arena_conversations (33k), lmarena-ai/arena-human-preference-100k: winner is "model_a", "model_b", "tie" or
 *   "tie (bothbad)"
 * - lmarena-ai/arena-human-preference-140k: "both_bad" instead; contents are lists of parts, some of them images
 * - lmsys/mt_bench_human_judgments: conversations have two turns; "turn" says after which of them the vote was given
 * - lmarena-ai/arena-human-preference-55k, also Kaggle's "LMSYS - Chatbot Arena Human Preference Predictions": the turns are
 *   JSON lists of texts, and three columns are 1 for the winner; a turn without an answer is null
 *
 * Source: the data sets' cards, lm-sys/FastChat (fastchat/llm_judge/README.md), Kaggle's page "Data" of the competition.
 */
import { asParsed, readList } from "../../../prompt/csv-cells.ts";
import { areParts, type ChatMessage } from "../../../prompt/messages.ts";
import type { CaseResponse } from "../../case.ts";
import {
  type Adapted,
  type AdaptOptions,
  asText,
  conversationOf,
  type Fields,
  fieldsOf,
  listOf,
  namesOf,
  rowFields,
  rowOf,
  textOf,
  writtenBy,
  wrong,
} from "../adapter.ts";
import { compared, NO_ANSWER, withoutSameText } from "../compared.ts";
import { adaptHuman } from "../human.ts";
import { asNumber, labelNumber } from "../labels.ts";
import type { Layout } from "../layout.ts";
import { winnerColumn } from "../winner.ts";

const CONVERSATIONS = ["conversation_a", "conversation_b"];
const COLUMNS = {
  model_a: "text",
  model_b: "text",
  winner: "text",
  conversation_a: "messages",
  conversation_b: "messages",
} as const;
const COMPARED = "the conversation that was preferred over the other";
/** Columns that MT-Bench's judgments do not have. */
const OF_THE_ARENA = ["tstamp", "anony"];

export const arena: Layout = {
  name: "arena",
  title: "Chatbot Arena conversations",
  columns: COLUMNS,
  compared: COMPARED,
  label: () => winnerColumn,
  adapt: (row, options = {}) => withoutSameText(adaptVote(row, options), options),
};

/** The vote on whole conversations, as `eval human` reads it. */
export function adaptVote(row: unknown, options: AdaptOptions = {}): Adapted {
  if (isOfMtBench(fieldsOf(row))) throw rowOf("mt-bench", "its vote may be on the first turn only");
  if (hasOtherParts(row)) return { omitted: "has an image or a file" };
  return adaptHuman(row, options);
}

/** The Arena's conversations also have a judge and a "turn", the number of all turns. */
function isOfMtBench(fields: Fields): boolean {
  const isGiven = (name: string) => fields[name] !== undefined && fields[name] !== null;
  return ["question_id", "judge", "turn"].every(isGiven) && !OF_THE_ARENA.some(isGiven);
}

function hasOtherParts(row: unknown): boolean {
  const fields = fieldsOf(row);
  return CONVERSATIONS.some((name) => {
    const turns = asParsed(fields[name]);
    if (!Array.isArray(turns)) return false;
    return turns.some((turn: { readonly content?: unknown } | null) => {
      const content = turn?.content;
      return areParts(content) && content.some((part) => (part as { readonly type: unknown }).type !== "text");
    });
  });
}

export const mtBench: Layout = {
  name: "mt-bench",
  title: "MT-Bench human judgments",
  columns: { question_id: "any", ...COLUMNS, judge: "any", turn: "number" },
  without: OF_THE_ARENA,
  compared: "the conversation that was preferred over the other, up to the turn of the vote",
  label: () => winnerColumn,
  adapt(row, options = {}) {
    const fields = fieldsOf(row);
    if (!isOfMtBench(fields)) throw rowOf("arena", 'it has no "judge", or the columns of the Arena');
    const turn = asNumber(fields["turn"]);
    if (turn === undefined || !Number.isInteger(turn) || turn < 1) throw wrong("1 or 2", "turn", fields["turn"]);
    const cut = CONVERSATIONS.map((name) => [name, firstTurns(listOf(fields, name), turn, name)] as const);
    return withoutSameText(adaptHuman({ ...fields, ...Object.fromEntries(cut) }, options), options);
  },
};

/** @param turn from 1 */
function firstTurns(messages: readonly unknown[], turn: number, name: string): readonly unknown[] {
  if (messages.length < 2 * turn)
    throw wrong(`${turn} turns or more, because the vote is on turn ${turn},`, name, messages);
  return messages.slice(0, 2 * turn);
}

const WINNERS = ["winner_model_a", "winner_model_b", "winner_tie"];

export const arena55k: Layout = {
  name: "arena-55k",
  title: "Chatbot Arena 55k (Kaggle)",
  columns: {
    prompt: "any",
    response_a: "any",
    response_b: "any",
    winner_model_a: "any",
    winner_model_b: "any",
    winner_tie: "any",
  },
  compared: COMPARED,
  adapt: adaptTurns,
};

function adaptTurns(row: unknown, options: AdaptOptions = {}): Adapted {
  const read = ["prompt", "response_a", "response_b"];
  // In any format a list is JSON in a text: one that Python printed is refused.
  const fields = rowFields(row, { ...options, isCsv: true }, '{"prompt","response_a","response_b"}', read);
  const won = WINNERS.map((name) => flagNumber(fields, name));
  if (won.filter((one) => one === 1).length !== 1)
    throw wrong(`1 in exactly one of ${WINNERS.join(", ")}`, "winner_model_a", won);
  const [prompts, a, b] = read.map((name) => turnsOf(fields, name));
  const sides = (["a", "b"] as const).map((letter, i): CaseResponse | undefined => {
    const name = `response_${letter}`;
    const turns = conversation(prompts as Turns, (i === 0 ? a : b) as Turns, name);
    if (turns === undefined) return undefined;
    return {
      item: conversationOf({ [name]: turns }, name, options),
      grade: won[i] as number,
      ...writtenBy(fields[`model_${letter}`]),
    };
  });
  const answered = sides.filter((side) => side !== undefined);
  if (answered.length < 2) return { omitted: NO_ANSWER };
  return compared(answered, options, namesOf(fields), "tie");
}

type Turns = readonly (string | null)[];

function flagNumber(fields: Fields, name: string): 0 | 1 {
  const value = fields[name];
  const number = labelNumber(value);
  if (number === 0 || number === 1) return number;
  throw wrong("0 or 1", name, value);
}

/** A list of texts, as a list, as JSON, or one text. */
function turnsOf(fields: Fields, name: string): Turns {
  const list = readList(fields[name], name);
  if (!Array.isArray(list)) return [textOf(fields, name)];
  return list.map((text: unknown, i) => (text === null ? null : asText(text, `${name}[${i}]`)));
}

/** Undefined where a turn has no answer. */
function conversation(prompts: Turns, answers: Turns, name: string): readonly ChatMessage[] | undefined {
  if (answers.length !== prompts.length)
    throw wrong(`as many turns as the prompt has (${prompts.length})`, name, answers);
  const messages: ChatMessage[] = [];
  for (const [i, prompt] of prompts.entries()) {
    const answer = answers[i];
    if (prompt === null || answer === null || answer === undefined) return undefined;
    messages.push({ role: "user", content: prompt }, { role: "assistant", content: answer });
  }
  return messages;
}
