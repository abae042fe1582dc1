/**
 * `starling-rm/server`: serves a reward model over HTTP, in its own interface and in those of trainers and rerankers.
 *
 * @module server
 */

export type { LogFormat, LogLevel, RawText } from "../server/choices.ts";
export { createServer, type ListenOptions, RewardServer } from "../server/create-server.ts";
export type { LogStream, ServerOptions } from "../server/options.ts";
export type { CandidateSource } from "../server/playground/completions.ts";
