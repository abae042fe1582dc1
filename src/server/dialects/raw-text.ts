/**
 * What a text means that a client has rendered: itself, or the conversation that its turns show, which the model's own template
 * then writes anew. The second is for trainers whose policy has another template than the reward model.
 */
import { InvalidInputError } from "../../errors.ts";
import type { ScoreItem } from "../../prompt/items.ts";
import { checkString } from "../../prompt/texts.ts";
import type { RawText } from "../choices.ts";
import { AROUND_TEXTS, type ChatFormat, chatFormats, type Role } from "./chat-formats.ts";

/** @throws InvalidInputError ERR_INVALID_ITEM for "chat", where a text's turns cannot be read */
export function rawTextReader(mode: RawText): (text: string, name: string) => ScoreItem {
  if (mode === "exact") return (text, name) => ({ text: checkRawText(text, name) });
  return (text, name) => {
    const found = parseTurns(checkRawText(text, name));
    if (typeof found !== "string") return { messages: found.map(({ role, content }) => ({ role, content })) };
    const advice = "--raw-text exact scores a text as it is";
    throw new InvalidInputError(
      "ERR_INVALID_ITEM",
      `${name} ${found}. The server reads turns (--raw-text chat); ${advice}.`,
      {
        field: name,
      },
    );
  };
}

/** @throws InvalidInputError ERR_EMPTY_TEXT or ERR_INVALID_UNICODE, with the name that the client knows */
function checkRawText(text: string, name: string): string {
  if (text !== "") return checkString(text, name);
  const message = `${name} is empty: there is no position to read a score at.`;
  throw new InvalidInputError("ERR_EMPTY_TEXT", message, { field: name });
}

/** Whether a prompt is the text of a chat template that ends where the response begins. */
export function isRenderedPrompt(prompt: string): boolean {
  const format = formatOf(withoutBegin(prompt));
  if (!format?.special) return false;
  const turns = parseTurns(prompt);
  const last = typeof turns === "string" ? undefined : turns.at(-1);
  return last?.role === "assistant" && !last.closed;
}

export interface Turn {
  readonly role: Role;
  readonly content: string;
  /** Whether the text has the token that ends it. */
  readonly closed: boolean;
}

/** The turns of a rendered text; or what is wrong with it, as the end of a sentence about it. */
function parseTurns(text: string): readonly Turn[] | string {
  const rest = withoutBegin(text);
  const format = formatOf(rest);
  if (format === undefined)
    return `does not begin as the text of a chat template; looked for ${chatFormats.map(({ marker }) => marker).join("; ")}`;
  const marks = [...rest.matchAll(format.turn)];
  const [first] = marks;
  if (first === undefined) return `begins as ${format.marker} and has no turn`;
  const turns: Turn[] = [];
  const lead = rest.slice(0, first.index).trim();
  if (lead !== "" && !format.leadIsSystem) return `has text before its first turn, ${format.marker}`;
  if (lead !== "") turns.push({ role: "system", content: closedContent(lead, format).content.trim(), closed: true });
  for (const [i, mark] of marks.entries()) {
    const role = format.roles[mark[1] ?? ""];
    if (role === undefined)
      return `has a turn of ${JSON.stringify(mark[1])}: only system, user and assistant can be scored`;
    const next = marks[i + 1];
    const turn = turnOf(role, rest.slice(mark.index + mark[0].length, next?.index), format, next === undefined);
    if (typeof turn === "string") return turn;
    turns.push(...turn);
  }
  return withoutOpenEnd(turns.filter(({ role, content }) => role !== "system" || content.trim() !== ""));
}

function formatOf(text: string): ChatFormat | undefined {
  return chatFormats.find(({ matches }) => matches(text));
}

function turnOf(role: Role, text: string, format: ChatFormat, isLast: boolean): readonly Turn[] | string {
  const { content, closed } = closedContent(text, format);
  if (!closed && !isLast && format.closes) return `has a turn without ${format.ends[0]} before the next one`;
  const inside = format.ends.find((end) => content.includes(end));
  if (inside !== undefined) return `has text after ${inside}, where a turn ends`;
  // Tulu writes a newline between turns, and no token.
  const open = !closed && !isLast && content.endsWith("\n") ? content.slice(0, -1) : content;
  const said = format.trims ? open.trim() : open;
  const system = role === "user" ? /^<<SYS>>\n?([\s\S]*?)\n?<<\/SYS>>\s*/.exec(said) : null;
  if (system === null) return [{ role, content: said, closed }];
  return [
    { role: "system", content: (system[1] ?? "").trim(), closed: true },
    { role, content: said.slice(system[0].length), closed },
  ];
}

/** A turn's text without the token that ends it, and without what may follow: white space, and tokens around texts. */
function closedContent(text: string, { ends }: ChatFormat): { readonly content: string; readonly closed: boolean } {
  const fillers = [...ends, ...AROUND_TEXTS];
  let end: number | undefined;
  for (let at = text.length; ; ) {
    while (at > 0 && isSpace(text.charCodeAt(at - 1))) at -= 1;
    const token = fillers.find((filler) => text.endsWith(filler, at));
    if (token === undefined) break;
    at -= token.length;
    end = at;
  }
  return end === undefined ? { content: text, closed: false } : { content: text.slice(0, end), closed: true };
}

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

/** The tokens that begin texts, padding among them, and white space. */
function withoutBegin(text: string): string {
  for (let at = 0; ; ) {
    while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
    const token = AROUND_TEXTS.find((filler) => text.startsWith(filler, at));
    if (token === undefined) return text.slice(at);
    at += token.length;
  }
}

/** Without the empty turn that a template adds for an answer to come, after the answer. */
function withoutOpenEnd(turns: readonly Turn[]): readonly Turn[] {
  const [before, last] = turns.slice(-2);
  const isAdded =
    last?.role === "assistant" && !last.closed && last.content.trim() === "" && before?.role === "assistant";
  return isAdded ? turns.slice(0, -1) : turns;
}
