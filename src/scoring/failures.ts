/** Why an item has no score, or a call has no results. */
import { InvalidInputError, isStarlingError, ModelClosedError, NativeError, type StarlingError } from "../errors.ts";
import type { TokenizerSettings } from "./reward-tokenizer.ts";
import type { TokenizedItem } from "./types.ts";

export function tooLong(item: TokenizedItem, contextTokens: number, where: string): StarlingError | undefined {
  const length = item.scorePosition + 1;
  if (length <= contextTokens) return undefined;
  return new NativeError(
    "ERR_CONTEXT_TOO_SMALL",
    `${where} has ${length} tokens, but the model was loaded with a context of ${contextTokens}. Load it with a context of ${length} or more.`,
  );
}

/** An error of one item: the others are scored. */
export function isNotFinite(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === "NOT_FINITE";
}

export function notFinite(where: string, cause: unknown): NativeError {
  const message = `${where} has no score: its score is not finite. The model file is damaged, or its weights overflow in this precision.`;
  return new NativeError("ERR_NOT_FINITE", message, { cause });
}

export function nativeFailure(error: unknown): unknown {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === "CLOSED") return new ModelClosedError("The model was closed while it was scoring.");
  if (code === "ABORTED" || isStarlingError(error)) return error;
  if (isNotFinite(error)) return notFinite("prompt", error);
  return new NativeError("ERR_EVALUATION", error instanceof Error ? error.message : String(error), { cause: error });
}

/** @throws InvalidInputError for a model whose reference reads no token of the text */
export function assertTokensHaveRewards({ scorePosition }: Pick<TokenizerSettings, "scorePosition">): void {
  if (scorePosition !== "padding-end") return;
  throw new InvalidInputError(
    "ERR_INVALID_ARGUMENT",
    "This model's scores are read after the text, at the end of padding: its tokens have no rewards of their own.",
    { field: "perToken" },
  );
}
