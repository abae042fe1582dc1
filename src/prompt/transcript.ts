/** Conversations written as one text, "\n\nHuman: …\n\nAssistant: …", where the other side's turn is part of the text. */
import type { CheckedItem } from "./items.ts";
import type { ItemWarning } from "./warnings.ts";

/**
 * What a turn begins with, at the start of a line: "Human:", "### Human:", "**Human:**", "[Human]:". Every part is bounded,
 * so matching takes linear time.
 */
const AT_LINE_START = String.raw`(?:^|[\r\n])[^\S\r\n]{0,16}(?:#{1,6} {0,2}|\*{1,2}|\[)?`;
const MARK_END = String.raw`(?:\*{1,2}|\])? ?:`;
const person = (names: string, flags: string) => new RegExp(`${AT_LINE_START}(?:${names})${MARK_END}`, flags);

const PERSON = person("human|user", "gi");
const ASSISTANT = person("assistant|Assistant|ASSISTANT|AI|Bot|GPT|ChatGPT", "g");
/** On the line of the person's turn: as Vicuna writes it. */
const ASSISTANT_INSIDE = /[^\S\r\n]ASSISTANT:/g;

/** A warning for an item of which a turn of the user holds turns of its own, or what a chat template writes before one. */
export function transcriptIn(item: CheckedItem): ItemWarning | undefined {
  if ("text" in item) return undefined;
  if ("prompt" in item) return turnsIn(item.prompt);
  for (const { role, content } of item.messages) {
    const warning = role === "user" ? turnsIn(content) : undefined;
    if (warning !== undefined) return warning;
  }
  return undefined;
}

function turnsIn(prompt: string): ItemWarning | undefined {
  const token = renderedStart(prompt);
  return token === undefined ? transcriptWarning(prompt) : { code: "TRANSCRIPT_IN_PROMPT", token };
}

/** A warning for a prompt in which a person's turn is followed by one of the assistant. */
export function transcriptWarning(prompt: string): ItemWarning | undefined {
  const begin = firstMatch(PERSON, prompt, 0);
  if (begin === undefined) return undefined;
  const turn = firstMatch(ASSISTANT, prompt, begin.end) ?? insideTurn(prompt, begin);
  if (turn === undefined) return undefined;
  return { code: "TRANSCRIPT_IN_PROMPT", token: `${begin.text.trim()} … ${turn.text.trim()}` };
}

/** Marks and tokens at a text's start are shorter, with what may stand before them on their line. */
const MAX_START_CHARACTERS = 64;

/** What a text begins with, after its leading blanks. */
function startOf(text: string): string {
  const start = text.search(/\S/);
  return start < 0 ? "" : text.slice(start, start + MAX_START_CHARACTERS);
}

/** Whether a text begins with a person's turn and goes on with one of the assistant: a conversation, and not a part of one. */
export function beginsAsTranscript(text: string): boolean {
  return startOf(text).search(PERSON) === 0 && transcriptWarning(text) !== undefined;
}

/** What chat templates begin a conversation with, after a token of the beginning. */
const RENDERED =
  /^(?:<s>|<bos>|<\|begin_of_text\|>|<\|endoftext\|>)?\s*(<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>|\[INST\]|<\|(?:system|user|prompter|assistant)\|>)/;

/** The token with which a text begins as one that a chat template has written, whatever the model; undefined: it does not. */
export function renderedStart(text: string): string | undefined {
  return RENDERED.exec(startOf(text))?.[1];
}

interface Found {
  readonly text: string;
  readonly end: number;
}

/** Only in capitals: "Assistant:" inside a line may be prose. */
function insideTurn(prompt: string, begin: Found): Found | undefined {
  return /USER|HUMAN/.test(begin.text) ? firstMatch(ASSISTANT_INSIDE, prompt, begin.end) : undefined;
}

function firstMatch(expression: RegExp, text: string, from: number): Found | undefined {
  expression.lastIndex = from;
  const found = expression.exec(text);
  expression.lastIndex = 0;
  return found === null ? undefined : { text: found[0], end: found.index + found[0].length };
}
