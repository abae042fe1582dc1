/** What a pasted text is: a conversation, a list of responses, or just a text. */
import type { Turn } from "./types.ts";

export interface Pasted {
  readonly turns?: readonly Omit<Turn, "id">[];
  readonly responses?: readonly string[];
}

const ROLES: Readonly<Record<string, Turn["role"]>> = {
  system: "system",
  developer: "system",
  user: "user",
  human: "user",
  assistant: "assistant",
  gpt: "assistant",
};

/**
 * A row of JSON with a prompt or messages and responses, a list of messages, or a list of texts; undefined for any other text.
 */
export function parsePasted(text: string): Pasted | undefined {
  const trimmed = text.trim();
  if (!/^[[{]/.test(trimmed)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch {
    return undefined;
  }
  if (Array.isArray(value)) return ofList(value);
  if (typeof value !== "object" || value === null) return undefined;
  const row = value as Record<string, unknown>;
  const conversation = row["messages"] ?? row["conversations"] ?? row["prompt"];
  const turns =
    typeof conversation === "string" ? [{ role: "user" as const, text: conversation }] : turnsOf(conversation);
  if (turns === undefined) return undefined;
  const system = row["system"];
  if (typeof system === "string" && system !== "" && turns[0]?.role !== "system")
    turns.unshift({ role: "system", text: system });
  const listed = row["responses"] ?? (typeof row["response"] === "string" ? [row["response"]] : undefined);
  const responses = areTexts(listed) ? listed : [];
  return split(turns, responses);
}

function ofList(list: readonly unknown[]): Pasted | undefined {
  if (areTexts(list)) return { responses: list };
  const turns = turnsOf(list);
  return turns === undefined ? undefined : split(turns, []);
}

/** A conversation that ends with the assistant has a response at its end. */
function split(turns: readonly Omit<Turn, "id">[], responses: readonly string[]): Pasted {
  const last = turns.at(-1);
  const isAnswered = last?.role === "assistant" && turns.length > 1;
  const all = isAnswered && responses.length === 0 ? [last.text] : responses;
  const asked = isAnswered && responses.length === 0 ? turns.slice(0, -1) : turns;
  return all.length > 0 ? { turns: asked, responses: all } : { turns: asked };
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string");
}

function turnsOf(value: unknown): Omit<Turn, "id">[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const turns = value.map((turn: unknown) => {
    const fields = (typeof turn === "object" && turn !== null ? turn : {}) as Record<string, unknown>;
    const role = ROLES[String(fields["role"] ?? fields["from"])];
    const text = fields["content"] ?? fields["value"];
    return role !== undefined && typeof text === "string" ? { role, text } : undefined;
  });
  return turns.every((turn) => turn !== undefined) ? turns : undefined;
}
