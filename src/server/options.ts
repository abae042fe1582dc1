/** The options of createServer(), checked. */

import { aBoolean, aNameList, anInteger, aString, type Check, checkOptions, oneOf } from "../options.ts";
import {
  type LogFormat,
  type LogLevel,
  logFormats,
  logLevels,
  MAX_TIMEOUT_SECONDS,
  type RawText,
  rawTextChoices,
  serverBounds,
} from "./choices.ts";
import { aCandidateSource, type CandidateSource } from "./playground/completions.ts";

/** What takes log lines: a stream, for example. */
export interface LogStream {
  /** Called with a line and its line break. */
  write(line: string): void;
}

/** Options of {@link createServer}. */
export interface ServerOptions {
  /** The name that /v1/models and answers give the model. Default: the name in the file. */
  readonly modelName?: string;
  /**
   * How a text that a client has put into a chat template itself is scored: "exact" as it is, "chat" by its turns, in the
   * model's own template. Default: "exact".
   */
  readonly rawText?: RawText;
  /** Largest body of a request in bytes, 1 to 536,870,912. Default: 67,108,864 (64 MiB). */
  readonly maxBody?: number;
  /** Most items of one request, 1 to 1,048,576. Default: 65,536. */
  readonly maxItems?: number;
  /** Waiting items beyond which requests are refused, 1 to 16,777,216. Default: 65,536. */
  readonly maxQueueItems?: number;
  /** Tokens of waiting items, as estimated, beyond which requests are refused, 1 to 2^40. Default: 33,554,432. */
  readonly maxQueueTokens?: number;
  /**
   * Seconds until a request without the header `X-Request-Timeout` is answered with 504, 0 to 604,800; 0 is never.
   * Default: 0.
   */
  readonly timeout?: number;
  /** Head files whose scores are returned too where a request asks for all heads. Default: none. */
  readonly compareHeads?: readonly string[];
  /**
   * API keys, each of which is enough, of visible ASCII characters. Sent as "Authorization: Bearer KEY", as "x-api-key: KEY" or as
   * the password in the URL. Default: none, everybody who reaches the server may use it.
   */
  readonly apiKeys?: readonly string[];
  /** Names by which the server may be called, as a proxy in front passes them; addresses and localhost always may. Default: none. */
  readonly allowedHosts?: readonly string[];
  /** Origins whose web pages may use the server (CORS), or "*" for all, which needs a key. Default: none but its own page. */
  readonly corsOrigins?: readonly string[];
  /** Listen beyond loopback without a key. Default: false. */
  readonly insecureNoAuth?: boolean;
  /** Where the page at `/` draws candidates from, called by the server. Default: the page does not offer it. */
  readonly candidates?: CandidateSource;
  /** What is logged: a line for each request at "info". Default: "silent". */
  readonly logLevel?: LogLevel;
  /** How a line is written. Default: "json". */
  readonly logFormat?: LogFormat;
  /** Write the texts of requests to the log. Default: false, nothing of them is written. */
  readonly logTexts?: boolean;
  /** Where log lines go. Default: standard output. */
  readonly logStream?: LogStream;
}

export type CheckedOptions = Required<Omit<ServerOptions, "modelName" | "logStream" | "candidates">> &
  Pick<ServerOptions, "modelName" | "logStream" | "candidates">;

const aTimeout: Check = (value) =>
  typeof value === "number" && value >= 0 && value <= MAX_TIMEOUT_SECONDS
    ? undefined
    : `seconds from 0 to ${MAX_TIMEOUT_SECONDS}`;
const aStream: Check = (value) =>
  typeof (value as { write?: unknown } | null)?.write === "function" ? undefined : "an object with write()";

const checks: Readonly<Record<string, Check>> = {
  ...Object.fromEntries(Object.entries(serverBounds).map(([name, [min, max]]) => [name, anInteger(min, max)])),
  modelName: aString,
  rawText: oneOf(rawTextChoices),
  candidates: aCandidateSource,
  compareHeads: aNameList,
  apiKeys: aNameList,
  allowedHosts: aNameList,
  corsOrigins: aNameList,
  insecureNoAuth: aBoolean,
  timeout: aTimeout,
  logLevel: oneOf(logLevels),
  logFormat: oneOf(logFormats),
  logTexts: aBoolean,
  logStream: aStream,
};

const DEFAULTS = {
  rawText: "exact",
  maxBody: 64 * 1024 * 1024,
  maxItems: 65_536,
  maxQueueItems: 65_536,
  maxQueueTokens: 32 * 1024 * 1024,
  timeout: 0,
  compareHeads: [],
  apiKeys: [],
  allowedHosts: [],
  corsOrigins: [],
  insecureNoAuth: false,
  logLevel: "silent",
  logFormat: "json",
  logTexts: false,
} as const;

/** @throws InvalidInputError ERR_INVALID_ARGUMENT */
export function checkServerOptions(options: ServerOptions): CheckedOptions {
  return { ...DEFAULTS, ...checkOptions("createServer", options, checks) };
}
