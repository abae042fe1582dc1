/** Items to token ids: rendering, tokenisation off the JS thread, truncation, and the position of the score. */
import { InvalidInputError, isStarlingError, type StarlingError } from "../errors.ts";
import { TOKENIZATIONS } from "../gguf/starling-keys.ts";
import type { EncodedText, NativeTokenizer, Vocabulary } from "../native/addon.ts";
import { loadAddon } from "../native/load-addon.ts";
import { aString, checkOptions, oneOf, required } from "../options.ts";
import { checkItem, type ScoreItem } from "../prompt/items.ts";
import { renderItem, type SpecialTokens, type TextParts, withoutResponse } from "../prompt/templates.ts";
import { readModelFile } from "./model-file.ts";
import type { TokenizationMode, TokenizedItem } from "./types.ts";

export const tokenizationModes: readonly TokenizationMode[] = TOKENIZATIONS;
export const specialTokenChoices: readonly SpecialTokens[] = ["plain", "reference"];

export interface LoadTokenizerOptions {
  /** A GGUF that `starling-rm convert` made; only its header is read. */
  readonly modelPath: string;
  /** Default: what the GGUF says. */
  readonly tokenization?: TokenizationMode;
  /** Default: "plain". */
  readonly specialTokens?: SpecialTokens;
}

export interface TokenizerSettings {
  readonly template: string;
  readonly tokenization: TokenizationMode;
  readonly specialTokens: SpecialTokens;
  /** The LAST maxTokens ids of a text stay. */
  readonly maxTokens: number;
}

const utf8 = new TextDecoder();

/** An item that {@link RewardTokenizer.tokenizeEach} could not tokenise is answered with its error. */
export type TokenizedOutcome = TokenizedItem | StarlingError;

/**
 * Opens the tokenizer of a GGUF without loading its weights; no llama.cpp runtime is needed.
 *
 * @throws FileError for a file that is missing, broken or no reward model
 */
export async function loadTokenizer(options: LoadTokenizerOptions): Promise<RewardTokenizer> {
  required("loadTokenizer", options, "modelPath");
  checkOptions("loadTokenizer", options, {
    modelPath: aString,
    tokenization: oneOf(tokenizationModes),
    specialTokens: oneOf(specialTokenChoices),
  });
  const model = await readModelFile(options.modelPath);
  return new RewardTokenizer(new (loadAddon().Tokenizer)(model.tokenizer), model.tokenizer, {
    template: model.template,
    tokenization: options.tokenization ?? model.tokenization,
    specialTokens: options.specialTokens ?? "plain",
    maxTokens: model.maxTokens,
  });
}

export class RewardTokenizer {
  readonly settings: TokenizerSettings;
  readonly #native: NativeTokenizer;
  readonly #vocabulary: Vocabulary;

  /** @internal Use {@link loadTokenizer} or {@link RewardModel.tokenizer}. */
  constructor(native: NativeTokenizer, vocabulary: Vocabulary, settings: TokenizerSettings) {
    this.#native = native;
    this.#vocabulary = vocabulary;
    this.settings = settings;
  }

  /**
   * What the vocabulary writes for each id: "▁" is a space, "<0x0A>" a byte.
   *
   * @throws RangeError for an id outside the vocabulary
   */
  pieces(ids: Iterable<number>): string[] {
    const { bytes, offsets } = this.#vocabulary;
    return Array.from(ids, (id) => {
      const [start, end] = [offsets[id], offsets[id + 1]];
      if (start === undefined || end === undefined) throw new RangeError(`The vocabulary has no id ${id}.`);
      return utf8.decode(bytes.subarray(start, end));
    });
  }

  /**
   * Token ids of each item, in order.
   *
   * @throws InvalidInputError for the first item that has no ids or no position to score
   */
  async tokenize(items: readonly ScoreItem[]): Promise<TokenizedItem[]> {
    const outcomes = await this.tokenizeEach(items);
    return outcomes.map((outcome) => {
      if (isStarlingError(outcome)) throw outcome;
      return outcome;
    });
  }

  /**
   * As {@link tokenize}, but an item that cannot be tokenised gives its error, and the others are done.
   *
   * @param nameItem how messages call the item with this index
   * @param options findResponse: tell where each response begins, which takes tokenising what stands before it again
   */
  async tokenizeEach(
    items: readonly unknown[],
    nameItem = itemName,
    { findResponse = false }: { findResponse?: boolean | undefined } = {},
  ): Promise<TokenizedOutcome[]> {
    const { template, tokenization, specialTokens, maxTokens } = this.settings;
    const outcomes: (TokenizedOutcome | undefined)[] = new Array(items.length).fill(undefined);
    const rendered: { at: number; where: string; parts: TextParts; stem: TextParts }[] = [];
    for (const [at, value] of items.entries()) {
      const where = nameItem(at);
      try {
        const item = checkItem(value, where);
        const stem = findResponse && !("text" in item) ? withoutResponse(item) : undefined;
        const parts = renderItem(item, template, specialTokens);
        rendered.push({ at, where, parts, stem: stem ? renderItem(stem, template, specialTokens) : [] });
      } catch (error) {
        if (!isStarlingError(error)) throw error;
        outcomes[at] = error;
      }
    }
    const encoded = await this.#native.encode(
      rendered.map(({ parts }) => parts),
      tokenization,
      maxTokens,
      ...(findResponse ? [rendered.map(({ stem }) => stem)] : []),
    );
    for (const [i, { at, where, parts }] of rendered.entries()) {
      outcomes[at] = finish(encoded[i] as EncodedText, where, parts.length === 1);
    }
    return outcomes as TokenizedOutcome[];
  }
}

export function itemName(index: number): string {
  return `items[${index}]`;
}

/** @param padEnds whether the first padding id ends what counts, as in the card's code */
function finish(encoded: EncodedText, where: string, padEnds: boolean): TokenizedOutcome {
  const { ids, totalTokens, firstPad, stemTokens } = encoded;
  if (ids.length === 0) {
    return new InvalidInputError("ERR_EMPTY_TEXT", `${where} has no tokens: there is none to read a score at.`);
  }
  // Content in a template is plain text: whatever id it has, it never hides what follows.
  const end = padEnds && firstPad >= 0 ? firstPad : ids.length;
  if (end === 0) {
    return new InvalidInputError(
      "ERR_NO_SCORE_POSITION",
      `${where} begins with the padding token <unk>, so the reference would read its score from padding: ` +
        "there is no meaningful score. Remove the <unk>.",
    );
  }
  const responseStart = Math.min(stemTokens, end - 1);
  return { ids, totalTokens, truncated: totalTokens > ids.length, scorePosition: end - 1, responseStart };
}
