/** From a GGUF to the tokenizer of its model. */

import { InvalidInputError } from "../errors.ts";
import { withModelHeader } from "../model-path.ts";
import type { NativeAddon } from "../native/addon.ts";
import { loadAddon } from "../native/load-addon.ts";
import { TemplateProcess } from "../native/template-process.ts";
import { aSignal, aString, checkOptions, given, oneOf, takesOnlyOptions } from "../options.ts";
import { aDate, templateDateUse } from "../prompt/template-date.ts";
import { openTemplate, type SpecialTokens, templateProblem } from "../prompt/templates.ts";
import { TOKENIZATION_MODES } from "../vocabulary/tokenization.ts";
import { type ModelFile, readModelFile } from "./model-file.ts";
import { RewardTokenizer } from "./reward-tokenizer.ts";
import { pieceOf } from "./text-warnings.ts";
import type { TokenizationMode } from "./types.ts";

export const tokenizationModes: readonly TokenizationMode[] = TOKENIZATION_MODES;
export const specialTokenChoices: readonly SpecialTokens[] = ["plain", "reference"];

/** Options of loadTokenizer(). */
export interface LoadTokenizerOptions {
  /** A GGUF that convert() made, or "tiny"; only its header is read. */
  readonly modelPath: string;
  /** Default: what the GGUF says. */
  readonly tokenization?: TokenizationMode;
  /** Default: "plain". */
  readonly specialTokens?: SpecialTokens;
  /** The date that the model's own chat template writes, "YYYY-MM-DD"; see {@link TokenizerSettings.templateDate}. */
  readonly templateDate?: string;
  /** Stops the opening; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Options of both {@link loadTokenizer} and loadRewardModel. */
export interface TokenizerChoices {
  readonly tokenization?: TokenizationMode;
  readonly specialTokens?: SpecialTokens;
  readonly templateDate?: string;
}

/**
 * Opens the tokenizer of a GGUF without loading its weights; no llama.cpp runtime is needed.
 *
 * @throws FileError for a file that is missing, broken or not a reward model; the signal's reason
 */
export async function loadTokenizer(options: LoadTokenizerOptions): Promise<RewardTokenizer> {
  takesOnlyOptions("loadTokenizer", arguments);
  options = checkOptions(
    "loadTokenizer",
    options,
    {
      modelPath: aString,
      tokenization: oneOf(tokenizationModes),
      specialTokens: oneOf(specialTokenChoices),
      templateDate: aDate,
      signal: aSignal,
    },
    ["modelPath"],
  );
  options.signal?.throwIfAborted();
  const model = await withModelHeader(options.modelPath, options.signal, readModelFile);
  options.signal?.throwIfAborted();
  return openTokenizer(loadAddon(), model, options);
}

/** @throws InvalidInputError for a mode that the model's vocabulary does not have */
export function openTokenizer(
  { Tokenizer }: Pick<NativeAddon, "Tokenizer">,
  file: ModelFile,
  { tokenization = file.tokenization, specialTokens = "plain", templateDate }: TokenizerChoices,
): RewardTokenizer {
  if (!file.tokenizations.includes(tokenization))
    throw new InvalidInputError(
      "ERR_INVALID_ARGUMENT",
      `The tokenization ${tokenization} is not one of this model's, which has ${file.tokenizations.join(", ")}.`,
      { field: "tokenization" },
    );
  const { template, maxTokens, truncationSide, scorePosition, wrapper } = file;
  const { source = "", tokens = {} } = file.chatTemplate ?? {};
  const date = templateDateUse(source) === undefined ? undefined : templateDate;
  const settings = { template, tokenization, specialTokens, maxTokens, truncationSide, scorePosition, wrapper };
  const problem = templateProblem(source, file.templateNames);
  const renderer = problem === undefined ? new TemplateProcess({ source, tokens, date }) : undefined;
  const chatTemplate = openTemplate(template, { renderer, from: file.chatTemplate?.from, problem });
  return new RewardTokenizer(
    new Tokenizer(file.tokenizer),
    file.tokenizer,
    { ...settings, ...given({ templateDate: date, window: file.window }) },
    chatTemplate,
    file.scoreTokenId === undefined
      ? undefined
      : { id: file.scoreTokenId, piece: pieceOf(file.tokenizer, file.scoreTokenId) ?? "" },
  );
}
