/** What the server and its scoring process send each other, over the channel that fork() makes. */
import { deserialize, serialize } from "node:v8";
import {
  type ErrorCode,
  FileError,
  HubError,
  InvalidInputError,
  isStarlingError,
  ModelClosedError,
  NativeError,
  reasonOf,
  StarlingError,
  type StarlingErrorJson,
  type StarlingErrorOptions,
} from "../../errors.ts";
import type { DownloadProgress, LoadProgress } from "../../progress.ts";
import type { ScoreItem } from "../../prompt/items.ts";
import type { LoadRewardModelOptions } from "../../scoring/types.ts";
import type { ScoreRules, ServedModel, ServedScore } from "../contract.ts";

/** What is loaded; sent once, first. */
export interface ScoringSetup {
  readonly load: Omit<LoadRewardModelOptions, "onProgress" | "signal">;
  /** Paths of head files to compare with. */
  readonly compareHeads: readonly string[];
  /** As clients name the model; undefined: as its file does. */
  readonly modelName: string | undefined;
}

export interface NamedRules extends ScoreRules {
  readonly name: string;
}

export interface SentItem {
  readonly id: number;
  /**
   * The item by V8's serializer. It is a message of its own in the message: one that is nested too deeply to be read fails by
   * itself, and not the process.
   */
  readonly item: Uint8Array;
  readonly rules: NamedRules;
}

export type ToChild =
  | { readonly type: "load"; readonly setup: ScoringSetup }
  /** Items that are cancelled may be done already. Each id is answered once, also those that are cancelled. */
  | { readonly type: "work"; readonly items: readonly SentItem[]; readonly cancelled: readonly number[] }
  | { readonly type: "ping" };

export type Outcome =
  | { readonly id: number; readonly result: ServedScore }
  | { readonly id: number; readonly error: SentError };

/** Tokens since the process was started. */
export interface TokenCounts {
  readonly computed: number;
  readonly reused: number;
}

export const NO_TOKENS: TokenCounts = { computed: 0, reused: 0 };

export type FromChild =
  /** It listens: now it can be sent something. */
  | { readonly type: "started" }
  | { readonly type: "progress"; readonly progress: DownloadProgress | LoadProgress }
  /** `identity` is the same for the same files. */
  | { readonly type: "loaded"; readonly model: ServedModel; readonly identity: string }
  | { readonly type: "failed"; readonly error: SentError }
  | { readonly type: "done"; readonly outcomes: readonly Outcome[]; readonly tokens: TokenCounts }
  | { readonly type: "pong" };

export function packItem(item: ScoreItem): Uint8Array {
  return serialize(item);
}

export function unpackItem(packed: Uint8Array): ScoreItem {
  return deserialize(packed) as ScoreItem;
}

/** An error in the message; `code` is absent where it is not one of ours. */
export type SentError = Omit<StarlingErrorJson, "code"> & { readonly code?: ErrorCode };

export function sentError(error: unknown): SentError {
  return isStarlingError(error) ? error.toJSON() : { name: "Error", message: reasonOf(error) };
}

const CLASSES: Readonly<
  Record<string, new (code: ErrorCode, message: string, options: StarlingErrorOptions) => StarlingError>
> = { InvalidInputError, FileError, NativeError, HubError };

/** Whether the model, and not the item, is why there is no score: its file changed, or it was closed. */
export function isModelGone(code: ErrorCode | undefined): boolean {
  return code === "ERR_MODEL_CHANGED" || code === "ERR_MODEL_CLOSED";
}

/** Whatever was thrown, as an error of ours. */
export function asStarlingError(error: unknown): StarlingError {
  return isStarlingError(error) ? error : receivedError(sentError(error));
}

/** The same error, of the same class. */
export function receivedError({ name, code, message, ...place }: SentError): StarlingError {
  if (code === undefined) return new NativeError("ERR_EVALUATION", message);
  if (code === "ERR_MODEL_CLOSED") return new ModelClosedError(message);
  return new (CLASSES[name] ?? StarlingError)(code, message, place);
}
