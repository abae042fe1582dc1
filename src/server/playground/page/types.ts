/** What the page works with. */
import type { CheckedItem } from "../../../prompt/items.ts";
import type { ScoreDirection } from "../../../reward-head.ts";
import type { TokenRewards } from "../../../scoring/types.ts";

/** A turn of the prompt. The id stays while its text changes. */
export interface Turn {
  readonly id: number;
  readonly role: "system" | "user" | "assistant";
  readonly text: string;
}

/** A response to score. */
export interface Reply {
  readonly id: number;
  readonly text: string;
  /** It came from the endpoint, and did not end by itself: "length". */
  readonly cut?: string;
  readonly isDrawn?: boolean;
}

/** What the server says of one item. */
export interface Score {
  readonly score: number;
  readonly tokenCount: number;
  readonly truncated: boolean;
  readonly warnings?: readonly { readonly code: string; readonly token: string }[];
  readonly tokenRewards?: TokenRewards;
  readonly headScores?: Readonly<Record<string, number>>;
}

export type Outcome = Score | { readonly error: string };

export type Item = CheckedItem;

/** A row of a file that cannot be scored. */
export interface FileProblem {
  readonly where: string;
  readonly message: string;
}

export interface FileEntry {
  readonly item: Item;
  readonly where: string;
}

/** A file that was dropped. */
export interface FileState {
  readonly name: string;
  readonly status: "reading" | "scoring" | "done" | "failed";
  readonly entries: readonly FileEntry[];
  /** By index of the entry. */
  readonly outcomes: ReadonlyMap<number, Outcome>;
  readonly problems: readonly FileProblem[];
  readonly notices: readonly string[];
  /** Why it could not be read or scored to its end. */
  readonly failure?: string;
}

/** Facts about the served model; also those that are not shown tell it from another one of the same name. */
export interface ModelFacts {
  readonly name: string;
  readonly template?: string;
  readonly tokenization?: string;
  readonly maxTokens?: number;
  readonly notice?: string;
  /** Absent: higher scores are better. */
  readonly direction?: ScoreDirection;
  /** Names of further heads. */
  readonly heads: readonly string[];
}

export type ServerState =
  | { readonly status: "connecting" }
  | { readonly status: "loading"; readonly reason: string; readonly fraction?: number }
  | { readonly status: "ready" }
  | { readonly status: "locked"; readonly wasWrong: boolean }
  | { readonly status: "unreachable"; readonly reason: string };

/** The model's own head, in headScores. */
export const OWN_HEAD = "model";

export function isScore(outcome: Outcome | undefined): outcome is Score {
  return outcome !== undefined && "score" in outcome;
}

/** By one head; undefined where it was not asked for. */
export function scoreBy(score: Score, head: string): number | undefined {
  return head === OWN_HEAD ? score.score : score.headScores?.[head];
}
