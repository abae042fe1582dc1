/** Legal in a {text}, but scored differently from the model's own template: a doubled BOS, a tail after the end. */

import type { Vocabulary } from "../native/addon.ts";
import type { ScorePosition, WrapperRule } from "../profiles/rules.ts";
import type { TextParts } from "../prompt/conversation.ts";
import type { ItemWarning } from "../prompt/warnings.ts";

const utf8 = new TextDecoder();

/** What the vocabulary writes for an id; undefined for one that it does not have. */
export function pieceOf({ bytes, offsets }: Vocabulary, id: number): string | undefined {
  const [start, end] = [offsets[id], offsets[id + 1]];
  return start === undefined || end === undefined ? undefined : utf8.decode(bytes.subarray(start, end));
}

interface Tokenization {
  readonly wrapper: WrapperRule;
  readonly scorePosition: ScorePosition;
}

interface Doubled {
  readonly token: string;
  /** How many of them a text has at this end when the template writes them itself. */
  readonly allowed: number;
}

export interface TextMarks {
  /** Tokens that the tokenizer adds before and after a {text}, and that a text may therefore contain twice. */
  readonly before?: Doubled | undefined;
  readonly after?: Doubled | undefined;
  /** The token that ends a turn, and what the template writes after the last one. */
  readonly endOfTurn?: string | undefined;
  readonly tail: string;
  /** What the template writes between the user's turn and the response, without the end of the first; "" for nothing. */
  readonly responseStart: string;
  /** The token that the template begins with. */
  readonly begin?: string | undefined;
  /** Padding, where the score is read before it. */
  readonly padding?: string | undefined;
}

/** Two turns that show what a template writes around them. */
export const PROBE = [
  { role: "user", content: "a" },
  { role: "assistant", content: "b" },
] as const;

/**
 * What to look for in this model's texts, derived from its template and tokenizer and not from a list of known names.
 *
 * @param parts {@link PROBE} as the template renders it; undefined where it renders nothing
 */
export function textMarks(
  vocabulary: Vocabulary,
  { wrapper, scorePosition }: Tokenization,
  parts: TextParts | undefined,
): TextMarks {
  const wrapped = wrapper !== "none";
  const [bos, eos] = [
    wrapperToken(vocabulary, vocabulary.before[0]),
    wrapperToken(vocabulary, vocabulary.after.at(-1)),
  ];
  const [begin = "", end = ""] = [parts?.[0], parts !== undefined && parts.length % 2 === 1 ? parts.at(-1) : ""];
  // Where the template's own text is wrapped and begins so, two are what the model was trained with.
  const doubled = (token: string | undefined, written: (token: string) => number) =>
    wrapped && token !== undefined ? { token, allowed: wrapper === "all" ? written(token) : 0 } : undefined;
  const between = parts !== undefined && parts.length === 5 ? (parts[2] ?? "") : "";
  const endOfTurn = firstAddedToken(vocabulary, end);
  return {
    before: doubled(bos, (token) => countAtStart(begin, token)),
    after: doubled(eos, (token) => countAtEnd(end.trimEnd(), token)),
    ...(endOfTurn === undefined ? {} : { endOfTurn }),
    begin: firstAddedToken(vocabulary, begin),
    responseStart: endOfTurn === undefined ? "" : (between.split(endOfTurn).at(-1)?.trim() ?? ""),
    tail: endOfTurn === undefined ? "" : end.slice(end.lastIndexOf(endOfTurn) + endOfTurn.length),
    ...(scorePosition === "last" ? {} : { padding: pieceOf(vocabulary, vocabulary.padTokenId) }),
  };
}

function countAtStart(text: string, token: string): number {
  let count = 0;
  while (text.startsWith(token, count * token.length)) count += 1;
  return count;
}

function countAtEnd(text: string, token: string): number {
  let count = 0;
  while (text.endsWith(token, text.length - count * token.length)) count += 1;
  return count;
}

function wrapperToken(vocabulary: Vocabulary, id: number | undefined): string | undefined {
  return id === undefined ? undefined : pieceOf(vocabulary, id) || undefined;
}

/** The added token that a text has first; of several that begin there the longest. */
function firstAddedToken(vocabulary: Vocabulary, text: string): string | undefined {
  let found: string | undefined;
  let at = text.length;
  for (const id of vocabulary.addedTokens) {
    const token = pieceOf(vocabulary, id);
    if (!token) continue;
    const index = text.indexOf(token);
    if (index < 0 || index > at || (index === at && token.length <= (found?.length ?? 0))) continue;
    [found, at] = [token, index];
  }
  return found;
}

/** @param truncated whether tokens were cut off on the left */
export function textWarnings(
  text: string,
  { before, after, endOfTurn, tail, padding, responseStart }: TextMarks,
  truncated: boolean,
): ItemWarning[] {
  const warnings: ItemWarning[] = [];
  if (before !== undefined && !truncated && countAtStart(text.trimStart(), before.token) > before.allowed)
    warnings.push({ code: "DOUBLE_BOS", token: before.token.repeat(before.allowed + 1) });
  if (after !== undefined && countAtEnd(text.trimEnd(), after.token) > after.allowed)
    warnings.push({ code: "DOUBLE_EOS", token: after.token.repeat(after.allowed + 1) });
  if (endOfTurn !== undefined && text.includes(endOfTurn)) {
    let rest = text.slice(text.lastIndexOf(endOfTurn) + endOfTurn.length);
    if (padding) rest = rest.slice(0, indexOrEnd(rest, padding));
    // With a response after the last end of turn, that was the prompt's: removing what follows would remove the response.
    const isOpen = responseStart !== "" && rest.includes(responseStart);
    if (isOpen) {
      if (after?.token !== endOfTurn) warnings.push({ code: "NO_END_OF_TURN", token: endOfTurn });
    } else if (rest !== "" && rest !== tail) warnings.push({ code: "AFTER_END_OF_TURN", token: endOfTurn });
  }
  return warnings;
}

/** A prompt, response or message that already has what the template puts around it. */
export function contentWarning(contents: readonly string[], { begin, endOfTurn }: TextMarks): ItemWarning | undefined {
  for (const content of contents) {
    if (endOfTurn !== undefined && content.trimEnd().endsWith(endOfTurn))
      return { code: "TEMPLATE_TOKEN_IN_CONTENT", token: endOfTurn };
    if (begin !== undefined && content.trimStart().startsWith(begin))
      return { code: "TEMPLATE_TOKEN_IN_CONTENT", token: begin };
  }
  return undefined;
}

function indexOrEnd(text: string, part: string): number {
  const index = text.indexOf(part);
  return index < 0 ? text.length : index;
}
