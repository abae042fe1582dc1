/** Answers of one JSON object a line, written as they come, no faster than the client reads. */
import { once } from "node:events";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Disconnected } from "../request-error.ts";
import { mediaType } from "./body.ts";
import { exchangeOf } from "./exchange.ts";

const NDJSON = "application/x-ndjson";
const LINE_TYPES: ReadonlySet<string> = new Set([NDJSON, "application/jsonl", "application/ndjson"]);
/** A client that takes nothing for so long is gone. */
export const MAX_STALLED_MS = 120_000;

export function wantsLines(request: FastifyRequest): boolean {
  return (request.headers.accept ?? "").split(",").some((type) => LINE_TYPES.has(mediaType(type)));
}

export class LineWriter {
  readonly #reply: FastifyReply;
  readonly #request: FastifyRequest;

  /** Sends the headers. */
  constructor(request: FastifyRequest, reply: FastifyReply) {
    this.#request = request;
    this.#reply = reply;
    reply.hijack();
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value);
    reply.raw.writeHead(200, { "content-type": `${NDJSON}; charset=utf-8`, "cache-control": "no-store" });
    reply.raw.flushHeaders();
  }

  /** Resolves when the client has taken enough of what was written. Rejects with the reason when it is gone. */
  async write(line: object): Promise<void> {
    const { raw } = this.#reply;
    const { signal } = exchangeOf(this.#request);
    // Whatever stopped the request is a line of its own: only a closed connection cannot take it.
    if (raw.destroyed) throw new Disconnected();
    if (raw.write(`${JSON.stringify(line)}\n`)) return;
    raw.socket?.setTimeout(MAX_STALLED_MS);
    const waiting = new AbortController();
    try {
      await Promise.race(["drain", "close"].map((event) => once(raw, event, waiting)));
    } finally {
      waiting.abort();
      raw.socket?.setTimeout(0);
    }
    if (raw.destroyed && !raw.writableFinished) throw signal.reason ?? new Disconnected();
  }

  end(): void {
    this.#reply.raw.end();
  }
}
