/**
 * How the parts of the server meet: dialects turn a request into items and results into an answer; the queue decides what is
 * scored next; a scoring process scores. None of them knows the others.
 */
import type { TSchema } from "typebox";
import type { StarlingError } from "../errors.ts";
import type { ItemRules } from "../prompt/input-fields.ts";
import type { ScoreItem } from "../prompt/items.ts";
import type { RewardModelInfo } from "../scoring/model-info.ts";
import type { ScoreResult } from "../scoring/types.ts";

/** How the items of a request are scored. */
export interface ScoreRules extends ItemRules {
  /** Also the reward at every token. */
  readonly perToken?: boolean | undefined;
  /** Warnings are errors. */
  readonly strict?: boolean | undefined;
  /** Also the scores by the heads that the server compares with (`headScores`). */
  readonly allHeads?: boolean | undefined;
}

/** What a scoring process returns for one item. */
export interface ServedScore extends Omit<ScoreResult, "index"> {
  /** With `allHeads`: each head's score by its name, the model's own as "model". */
  readonly headScores?: Readonly<Record<string, number>>;
}

/** The model that is served. */
export interface ServedModel {
  /** As clients name it: the option `modelName`, else the name in the file. */
  readonly name: string;
  readonly info: RewardModelInfo;
  /** Names of further heads. */
  readonly heads: readonly string[];
}

// --- Dialects: src/server/dialects, one file each. Pure: no I/O, no clock, no state. ---

/** One thing to score of a request. */
export interface NamedItem {
  readonly item: ScoreItem;
  /** Where it was in the request, for messages: "messages[3]", "documents[0]". */
  readonly name: string;
}

export interface DialectContext {
  /** A text that a client has rendered (or not): as an item, by the server's option `rawText`. Throws InvalidInputError. */
  readonly rawText: (text: string, name: string) => ScoreItem;
  readonly model: ServedModel;
  /** Of this request; unique. */
  readonly requestId: string;
  /** Seconds since 1970 when the request came. */
  readonly created: number;
}

/** A request, understood. */
export interface DialectRequest {
  /** May be empty. */
  readonly items: readonly NamedItem[];
  readonly rules?: ScoreRules;
  /**
   * The answer's body: a value to be written as JSON, or a string that is JSON already. Results are in the order of the items.
   * Warnings need no place in it: they are in a response header (warnings-header.ts).
   */
  readonly answer: (results: readonly ServedScore[]) => unknown;
}

/** What went wrong with a whole request, for `refuse`. */
export interface RequestProblem {
  readonly status: number;
  /** A StarlingError's code, or one of the server's: ERR_OVERLOADED, ERR_NOT_READY, ERR_UNAUTHORIZED … */
  readonly code: string;
  /** One sentence for people. */
  readonly message: string;
  /** The field of the body, if one is at fault. */
  readonly field?: string | undefined;
}

export interface Dialect {
  /** In metrics and logs, "vllm-classify". */
  readonly name: string;
  /** Method POST at each of these paths, also below the dialect's prefix: "/vllm/classify". */
  readonly paths: readonly string[];
  /** What its clients recover from when the queue is full: trainers 503, rerankers 429. */
  readonly overloadStatus: 429 | 503;
  /** Of a body or an item that is at fault. Default: 400. */
  readonly invalidStatus?: 400 | 422;
  /** For OpenAPI, and to check bodies. Further fields are allowed, optional ones may be null. */
  readonly body: TSchema;
  /**
   * Of dialects at one path the first that claims a body answers; absent: claims all. A body that none claims, or that is not
   * an object, is refused by the path's last one.
   */
  readonly claims?: (body: Readonly<Record<string, unknown>>) => boolean;
  /**
   * @param body has passed the schema (check-body.ts)
   * @throws InvalidInputError
   */
  readonly read: (body: never, context: DialectContext) => DialectRequest;
  /** The body of an error answer. */
  readonly refuse: (problem: RequestProblem) => unknown;
}

// --- The scoring process: src/server/scoring ---

export type BackendState =
  /** `fraction` is from 0 to 1. A model on the hub is downloaded first. */
  | { readonly status: "loading"; readonly fraction?: number; readonly phase?: "downloading" | "loading" }
  | { readonly status: "ready" }
  /** The process died, or could not start again; `nextAttempt` is in milliseconds since 1970. */
  | {
      readonly status: "restarting";
      readonly reason: string;
      readonly nextAttempt: number;
      /** Several starts in a row have failed: what waits is answered with the reason. */
      readonly isHopeless: boolean;
    }
  /** The first load failed: an error that a restart does not mend. */
  | { readonly status: "failed"; readonly error: StarlingError }
  | { readonly status: "closed" };

/** Tokens since the start of the server. */
export interface BackendCounters {
  /** Evaluated. */
  readonly computedTokens: number;
  /** Taken from the cache, because an earlier text began with them. */
  readonly reusedTokens: number;
  /** Processes that died. */
  readonly restarts: number;
}

export interface PendingScore {
  /**
   * Rejects with a StarlingError of the item, or with ScoringUnavailable (scoring-unavailable.ts); after cancel() it rejects
   * with anything.
   */
  readonly promise: Promise<ServedScore>;
  /** Frees the work down to the native queue. Does nothing when done. */
  cancel(): void;
}

/** Scores items, in this process or in another one that is started again when it dies. */
export interface ScoringBackend {
  readonly state: BackendState;
  /** Absent until it was loaded once. */
  readonly model: ServedModel | undefined;
  readonly counters: BackendCounters;
  /**
   * Grows when the process was started again with another model, because the file was replaced. Scores of two generations cannot
   * be compared: take it when a request comes, and give it to score() with each of its items.
   */
  readonly generation: number;
  /** Called at each change of the state. */
  onStateChange(listener: (state: BackendState) => void): void;
  /**
   * Items that wait while the process restarts are kept. An item whose process died is tried once more in the next one, by
   * itself, so that an item that kills it takes no others along. An item of an older generation is rejected with
   * ScoringUnavailable.
   */
  score(item: ScoreItem, rules: ScoreRules & { readonly name: string; readonly generation?: number }): PendingScore;
  /** Cancels everything and ends the process. */
  close(): Promise<void>;
}
