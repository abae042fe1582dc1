/** What the options of a server may be: for its checks and the command line's. */

/** How a client's rendered text is read; see the option `rawText`. */
export type RawText = "exact" | "chat";
/** The least severity that is logged. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
/** A JSON object a line, or a line for people. */
export type LogFormat = "json" | "pretty";

export const rawTextChoices: readonly RawText[] = ["exact", "chat"];
export const logLevels: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];
export const logFormats: readonly LogFormat[] = ["json", "pretty"];

/** Above what any JSON text in memory can be. */
const MAX_BODY_BYTES = 512 * 1024 * 1024;
/** A week: longer than any queue. */
export const MAX_TIMEOUT_SECONDS = 7 * 24 * 60 * 60;

/** Bounds of whole numbers, for the command line, too. */
export const serverBounds = {
  maxBody: [1, MAX_BODY_BYTES],
  maxItems: [1, 2 ** 20],
  maxQueueItems: [1, 2 ** 24],
  maxQueueTokens: [1, 2 ** 40],
} as const;
