/**
 * Responses that are whole conversations written as one text: cut after the prompt, or refused. Scored whole, they would contain it twice.
 * A conversation that the prompt asks for is an answer like any other.
 */
import { InvalidInputError } from "../../errors.ts";
import { asParsed } from "../../prompt/csv-cells.ts";
import type { CheckedItem } from "../../prompt/items.ts";
import type { ChatMessage } from "../../prompt/messages.ts";
import { beginsAsTranscript, renderedStart } from "../../prompt/transcript.ts";
import { onlyAnswer } from "../../prompt/turns.ts";
import { type Fields, itemOf, textOf } from "./adapter.ts";
import { type DialogueTurn, dialogueTurns, parseDialogue } from "./dialogue.ts";
import { onOneLine } from "./pair-checks.ts";

type Context = string | readonly ChatMessage[];

/**
 * The item for a response to a prompt or conversation. Of a transcript ("\n\nHuman: …\n\nAssistant: …") that begins with them,
 * what follows them is the response.
 *
 * @throws InvalidInputError ERR_INVALID_ITEM for another transcript that the prompt does not ask for, and for a conversation that a chat
 *   template has rendered
 */
export function answerItem(context: Context, response: string, name: string): CheckedItem {
  const turns = dialogueTurns(response);
  const asked = turnsOf(context);
  if (turns === undefined || turns.length < 2) {
    refuseOtherNotations(response, asked, name);
    return itemOf(context, response);
  }
  const rest = turns.slice(asked.length);
  const [first, ...more] = rest;
  if (!asked.every((turn, i) => isSame(turn, turns[i])) || first === undefined || rest.at(-1)?.role !== "assistant") {
    if (isAskedFor(response, asked)) return itemOf(context, response);
    throw otherTranscript(name);
  }
  if (more.length === 0) return itemOf(context, first.content);
  const before = typeof context === "string" ? [{ role: "user" as const, content: context }] : context;
  return { messages: [...before, ...rest] };
}

/** A response: a text, or a list of one message, the assistant's. */
export function answerText(fields: Fields, name: string): string {
  const turn = onlyAnswer(asParsed(fields[name]));
  return textOf(turn === undefined ? fields : { [name]: turn }, name);
}

/** Without a system turn, which transcripts do not have. */
function turnsOf(context: Context): readonly ChatMessage[] {
  if (typeof context !== "string") return context.filter(({ role }) => role !== "system");
  return parseDialogue(context) ?? [{ role: "user", content: context }];
}

function isSame({ role, content }: ChatMessage, other: DialogueTurn | undefined): boolean {
  return role === other?.role && onOneLine(content) === onOneLine(other.content);
}

/** "Write a short dialogue between a human and an AI": a verb and a noun. A system prompt may describe a chat, too. */
const ASKS_FOR =
  /\b(?:write|rewrite|create|generate|compose|simulate|imagine|invent|make|produce|draft|continue|complete|role-?play)\b/i;
const A_CONVERSATION =
  /\b(?:dialogs?|dialogues?|conversations?|chats?|transcripts?|scripts?|interviews?|discussions?|role-?plays?)\b/i;

/** Whether a transcript is what the last turn asks for, and not that turn with its answer. */
export function isAskedFor(transcript: string, asked: readonly Pick<ChatMessage, "content">[]): boolean {
  const { content = "" } = asked.at(-1) ?? {};
  const asks = ASKS_FOR.test(content) && A_CONVERSATION.test(content);
  return asks && !onOneLine(transcript).includes(onOneLine(content));
}

function otherTranscript(name: string): InvalidInputError {
  return refused(
    `${name} is a transcript ("\\n\\nHuman: …\\n\\nAssistant: …") that is not the row's prompt and then an answer: give only the ` +
      "answer, or leave the prompt out if the transcript has it (--adapter hh-rlhf --ignore-field prompt).",
    name,
  );
}

function refuseOtherNotations(response: string, asked: readonly ChatMessage[], name: string): void {
  const advice = 'give only the answer, or the conversation as a list of messages without "prompt"';
  const token = renderedStart(response);
  if (token !== undefined)
    throw refused(
      `${name} is a conversation that a chat template has written (it begins with ${token}): ${advice}.`,
      name,
    );
  if (beginsAsTranscript(response) && !isAskedFor(response, asked))
    throw refused(`${name} is a transcript, with the turns of both sides: ${advice}.`, name);
}

function refused(message: string, field: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ITEM", message, { field });
}
