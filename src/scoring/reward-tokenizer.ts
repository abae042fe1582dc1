/** Items to token ids: rendering, tokenisation off the JS thread, truncation, and the position of the score. */
import {
  InvalidInputError,
  invalidArgument,
  isStarlingError,
  ModelClosedError,
  notConstructible,
  type StarlingError,
} from "../errors.ts";
import { jsonArray } from "../json-array.ts";
import type { EncodedText, NativeTokenizer, Vocabulary } from "../native/addon.ts";
import { aBoolean, aNameList, anIterable, aSignal, checkOptions, readable } from "../options.ts";
import type { ScorePosition, TruncationSide, WrapperRule } from "../profiles/rules.ts";
import type { ChatTemplate, TextParts } from "../prompt/conversation.ts";
import { conversationWarnings } from "../prompt/conversation-warnings.ts";
import type { ItemRules } from "../prompt/input-fields.ts";
import { type CheckedItem, checkItem, type ScoreItem } from "../prompt/items.ts";
import { type NamedItem, renderItems, type SpecialTokens, withoutResponse } from "../prompt/templates.ts";
import { renderedStart } from "../prompt/transcript.ts";
import { type ItemWarning, strictError } from "../prompt/warnings.ts";
import { type ScoreToken, scorePositions } from "./score-position.ts";
import { contentWarning, PROBE, pieceOf, type TextMarks, textMarks, textWarnings } from "./text-warnings.ts";
import type { TokenizationMode, TokenizedItem } from "./types.ts";

/** How items become token ids. */
export interface TokenizerSettings {
  /** The name of the template; "chat-template" is the model's own. */
  readonly template: string;
  /**
   * The date that the model's own chat template writes, where it asks for one and one was given: what strftime_now formats,
   * at midnight, and date_string, as "26 Jul 2024".
   */
  readonly templateDate?: string;
  /** How text becomes tokens. */
  readonly tokenization: TokenizationMode;
  /** How special tokens in prompts and responses are read. */
  readonly specialTokens: SpecialTokens;
  /** Most ids of a text. */
  readonly maxTokens: number;
  /** Tokens that some layers attend to, where longer texts are refused because llama.cpp's graph has no such window. */
  readonly window?: number;
  /** What happens to a longer text: "left" keeps its LAST maxTokens ids, "none" refuses it. */
  readonly truncationSide: TruncationSide;
  /** Which token the score is read at. */
  readonly scorePosition: ScorePosition;
  /** Which items get the ids that the tokenizer puts around a text: none, only {text}, or all. */
  readonly wrapper: WrapperRule;
}

/** How items are read; see {@link ScoreOptions}. */
export interface TokenizeOptions extends ItemRules {
  /** An item that a warning is about is an error, ERR_SUSPECT_ITEM; default false: its result has the warning. */
  readonly strict?: boolean | undefined;
  /** Stops the work; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const tokenizeChecks = { ignoreFields: aNameList, strict: aBoolean, signal: aSignal };

/** A tokenised item, and where its response begins. */
export interface LocatedItem extends TokenizedItem {
  /** Index of the response's first token; only where it was asked for. */
  readonly responseStart?: number;
}

/** An item that {@link RewardTokenizer.tokenizeEach} could not tokenise is answered with its error. */
export type TokenizedOutcome = LocatedItem | StarlingError;

/** Turns items into the token ids that a model scores. */
export class RewardTokenizer {
  /** How it does so. */
  readonly settings: TokenizerSettings;
  readonly #native: NativeTokenizer;
  readonly #vocabulary: Vocabulary;
  readonly #template: ChatTemplate;
  readonly #scoreToken: ScoreToken | undefined;
  #marks: TextMarks | undefined;

  /** @internal Use {@link loadTokenizer} or {@link RewardModel.tokenizer}. */
  constructor(
    native: NativeTokenizer,
    vocabulary: Vocabulary,
    settings: TokenizerSettings,
    template: ChatTemplate,
    scoreToken?: ScoreToken,
  ) {
    if (settings === undefined) throw notConstructible("RewardTokenizer", "loadTokenizer()");
    this.#native = native;
    this.#vocabulary = vocabulary;
    this.#template = template;
    this.#scoreToken = scoreToken;
    this.settings = settings;
  }

  /**
   * What the vocabulary writes for each id: "▁" is a space, "<0x0A>" a byte.
   *
   * @throws InvalidInputError ERR_INVALID_ARGUMENT for an id outside the vocabulary
   */
  pieces(ids: Iterable<number>): string[] {
    const list = readable("ids", () => (anIterable(ids) === undefined ? Array.from(ids) : undefined));
    if (list === undefined) throw invalidArgument("ids", "an iterable of token ids", ids);
    return list.map((id, i) => {
      const piece = pieceOf(this.#vocabulary, id);
      if (piece === undefined) throw invalidArgument(`ids[${i}]`, "an id of the vocabulary", id);
      return piece;
    });
  }

  /**
   * Token ids of each item, in order.
   *
   * @param options signal: stops the work; the promise rejects with its reason
   * @throws InvalidInputError for the first item that has no ids or no position to score
   */
  async tokenize(items: readonly ScoreItem[], options: TokenizeOptions = {}): Promise<TokenizedItem[]> {
    checkItemList(items);
    options = checkOptions("tokenize", options, tokenizeChecks);
    const outcomes = await this.tokenizeEach(items, itemName, options);
    return outcomes.map((outcome) => {
      if (isStarlingError(outcome)) throw outcome;
      return outcome;
    });
  }

  /**
   * @internal As {@link tokenize}, but an item that cannot be tokenised gives its error, and the others are done.
   *
   * @param nameItem how messages call the item with this index
   * @param options findResponse: tell where each response begins, which tokenises the text before it again;
   *   signal: as in {@link tokenize}
   */
  async tokenizeEach(
    items: readonly unknown[],
    nameItem = itemName,
    {
      findResponse = false,
      strict = false,
      signal,
      ...rules
    }: TokenizeOptions & { findResponse?: boolean | undefined } = {},
  ): Promise<TokenizedOutcome[]> {
    checkItemList(items);
    signal?.throwIfAborted();
    const { specialTokens, wrapper } = this.settings;
    const outcomes: (TokenizedOutcome | undefined)[] = new Array(items.length).fill(undefined);
    const checked: (NamedItem & { readonly at: number })[] = [];
    for (const [at, value] of items.entries()) {
      const where = nameItem(at);
      try {
        checked.push({ item: checkItem(value, where, rules), where, at });
      } catch (error) {
        if (!isStarlingError(error)) throw error;
        outcomes[at] = error;
      }
    }
    const rendered: Rendered[] = [];
    const joined = (parts: TextParts) => (specialTokens === "reference" ? [parts.join("")] : parts);
    const texts = await renderItems(checked, this.#template, signal);
    for (const [i, parts] of texts.entries()) {
      const { item, where, at } = checked[i] as (typeof checked)[number];
      if (isStarlingError(parts)) {
        outcomes[at] = parts;
        continue;
      }
      const isText = "text" in item;
      const prompt = findResponse && !isText ? joined(withoutResponse(parts)) : [];
      const wrapped = wrapper === "all" || (wrapper === "texts" && isText);
      const whole = isText && wrapped ? this.#withoutScoreToken(parts) : parts;
      rendered.push({ at, item, where, parts: joined(whole), prompt, wrapped });
    }
    const encoded = await this.#native.encode(
      rendered.map(({ parts }) => parts),
      {
        mode: this.settings.tokenization,
        maxTokens: this.settings.truncationSide === "none" ? UNBOUNDED : this.settings.maxTokens,
        wrapped: Uint8Array.from(rendered, ({ wrapped }) => Number(wrapped)),
        ...(findResponse ? { prompts: rendered.map(({ prompt }) => prompt) } : {}),
      },
    );
    if (rendered.length > 0) this.#marks ??= textMarks(this.#vocabulary, this.settings, await this.#probe());
    for (const [i, { at, item, where, parts }] of rendered.entries()) {
      const outcome = this.#finish(encoded[i] as EncodedText, where, parts.length === 1, findResponse);
      const warnings = isStarlingError(outcome) ? [] : this.#warnings(item, outcome.truncated);
      const [first] = warnings;
      if (first === undefined) outcomes[at] = outcome;
      else outcomes[at] = strict ? strictError(first, where) : { ...(outcome as LocatedItem), warnings };
    }
    return outcomes as TokenizedOutcome[];
  }

  /** A {text} that ends with the token that is put after every text gets it once. */
  #withoutScoreToken(parts: TextParts): TextParts {
    const { id, piece = "" } = this.#scoreToken ?? {};
    if (id === undefined || this.#vocabulary.after[0] !== id) return parts;
    return parts.map((part) => (part.endsWith(piece) ? part.slice(0, part.length - piece.length) : part));
  }

  /** A template that is not there, or wants what was not given, tells nothing. */
  async #probe(): Promise<TextParts | undefined> {
    try {
      const [parts] = await this.#template.render([{ messages: PROBE, where: "item" }]);
      return isStarlingError(parts) ? undefined : parts;
    } catch {
      // What is asked for may be texts, which need no template.
      return undefined;
    }
  }

  #warnings(item: CheckedItem, truncated: boolean): readonly ItemWarning[] {
    const marks = this.#marks;
    const own = conversationWarnings(item);
    if (marks === undefined) return own;
    if ("text" in item) return [...textWarnings(item.text, marks, truncated), ...own];
    const contents = "prompt" in item ? [item.prompt, item.response] : item.messages.map(({ content }) => content);
    const found = contentWarning(contents, marks);
    if (found === undefined) return own;
    // The model's own token at the beginning of a prompt says the same twice.
    const isSame = ({ code, token }: ItemWarning) =>
      code === "TRANSCRIPT_IN_PROMPT" && renderedStart(token) !== undefined;
    return [found, ...own.filter((warning) => !isSame(warning))];
  }

  /**
   * Ends the process in which the model's own chat template is rendered, if it runs: it also ends when it was idle for half a
   * minute, and with this one. Calls that wait for it reject; later ones start another.
   */
  close(): void {
    this.#template.close(new ModelClosedError("The model was closed while a conversation was rendered."));
  }

  /** @param isText whether special tokens in it, padding among them, are special */
  #finish(encoded: EncodedText, where: string, isText: boolean, findResponse: boolean): TokenizedOutcome {
    const { maxTokens, window, scorePosition } = this.settings;
    const { ids, totalTokens, promptTokens } = encoded;
    if (ids.length === 0)
      return new InvalidInputError(
        "ERR_EMPTY_TEXT",
        `${where} has no tokens: there is no position to read a score at.`,
      );
    if (ids.length > maxTokens)
      return new InvalidInputError(
        "ERR_TOO_MANY_TOKENS",
        window === undefined
          ? `${where} has ${ids.length} tokens, more than the ${maxTokens} of the model's context, and the reference does not truncate.`
          : `${where} has ${ids.length} tokens, more than the ${window} that the model's layers attend to (sliding_window), which llama.cpp does not compute: its score would not be the reference's.`,
      );
    const position = scorePositions[scorePosition](encoded, isText, this.#scoreToken);
    if (typeof position === "string") return new InvalidInputError("ERR_NO_SCORE_POSITION", `${where} ${position}`);
    return {
      ids: jsonArray(ids),
      totalTokens,
      truncated: totalTokens > ids.length,
      scorePosition: position,
      ...(findResponse ? { responseStart: Math.min(promptTokens, position) } : {}),
    };
  }
}

function checkItemList(items: unknown): void {
  if (!readable("items", () => Array.isArray(items))) throw invalidArgument("items", "an array", items);
}

/** An item on its way to ids. */
interface Rendered {
  readonly at: number;
  readonly item: CheckedItem;
  readonly where: string;
  readonly parts: TextParts;
  readonly prompt: TextParts;
  readonly wrapped: boolean;
}

/** The native side's "no truncation". */
const UNBOUNDED = 0xffffffff;

export function itemName(index: number): string {
  return `items[${index}]`;
}
