/** What is legal in a {text} and gives another score than the model's own template would: a doubled BOS, a tail behind the end. */
import type { FrameRule, ScorePosition } from "../gguf/starling-keys.ts";
import type { Vocabulary } from "../native/addon.ts";
import type { TextParts } from "../prompt/templates.ts";
import type { ItemWarning } from "../prompt/warnings.ts";

const utf8 = new TextDecoder();

/** What the vocabulary writes for an id; undefined for one that it does not have. */
export function pieceOf({ bytes, offsets }: Vocabulary, id: number): string | undefined {
  const [start, end] = [offsets[id], offsets[id + 1]];
  return start === undefined || end === undefined ? undefined : utf8.decode(bytes.subarray(start, end));
}

interface Tokenization {
  readonly frame: FrameRule;
  readonly scorePosition: ScorePosition;
}

export interface TextMarks {
  /** What the tokenizer puts before and behind a {text}, where that would be there twice. */
  readonly before?: string | undefined;
  readonly after?: string | undefined;
  /** The token that ends a turn, and what the template writes behind the last one. */
  readonly endOfTurn?: string | undefined;
  readonly tail: string;
  /** The token that the template begins with. */
  readonly begin?: string | undefined;
  /** Padding, where the score is read before it. */
  readonly padding?: string | undefined;
}

/** Two turns, of which a template shows what it writes around them. */
export const PROBE = [
  { role: "user", content: "a" },
  { role: "assistant", content: "b" },
] as const;

/**
 * What to look for in the texts of this model: as its template and its tokenizer have it, not by a list of known names.
 *
 * @param parts what the template makes of {@link PROBE}; undefined where it renders nothing
 */
export function textMarks(
  vocabulary: Vocabulary,
  { frame, scorePosition }: Tokenization,
  parts: TextParts | undefined,
): TextMarks {
  const framed = frame !== "none";
  const [bos, eos] = [framedToken(vocabulary, vocabulary.before[0]), framedToken(vocabulary, vocabulary.after.at(-1))];
  const [begin = "", end = ""] = [parts?.[0], parts !== undefined && parts.length % 2 === 1 ? parts.at(-1) : ""];
  // Where the template's own text is framed and begins so, two are what the model was trained with.
  const isDoubled = (token: string | undefined, written: boolean) =>
    framed && token !== undefined && !(frame === "all" && written);
  const endOfTurn = firstAddedToken(vocabulary, end);
  return {
    ...(bos !== undefined && isDoubled(bos, begin.startsWith(bos)) ? { before: bos } : {}),
    ...(eos !== undefined && isDoubled(eos, end.trimEnd().endsWith(eos)) ? { after: eos } : {}),
    ...(endOfTurn === undefined ? {} : { endOfTurn }),
    begin: firstAddedToken(vocabulary, begin),
    tail: endOfTurn === undefined ? "" : end.slice(end.lastIndexOf(endOfTurn) + endOfTurn.length),
    ...(scorePosition === "last" ? {} : { padding: pieceOf(vocabulary, vocabulary.padTokenId) }),
  };
}

function framedToken(vocabulary: Vocabulary, id: number | undefined): string | undefined {
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
  { before, after, endOfTurn, tail, padding }: TextMarks,
  truncated: boolean,
): ItemWarning[] {
  const warnings: ItemWarning[] = [];
  if (before !== undefined && !truncated && text.trimStart().startsWith(before))
    warnings.push({ code: "DOUBLE_BOS", token: before });
  if (after !== undefined && text.trimEnd().endsWith(after)) warnings.push({ code: "DOUBLE_EOS", token: after });
  if (endOfTurn !== undefined && text.includes(endOfTurn)) {
    let rest = text.slice(text.lastIndexOf(endOfTurn) + endOfTurn.length);
    if (padding) rest = rest.slice(0, indexOrEnd(rest, padding));
    if (rest !== "" && rest !== tail) warnings.push({ code: "AFTER_END_OF_TURN", token: endOfTurn });
  }
  return warnings;
}

/** Of a prompt, a response or a message: what the template puts around it is there already. */
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
