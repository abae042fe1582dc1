/** Answers that come line by line. */
import { once } from "node:events";
import type { FastifyReply } from "fastify";

/** One line of JSON for each record, as it comes. Ends early when the client is gone. */
export async function sendLines(reply: FastifyReply, records: AsyncIterable<unknown>): Promise<FastifyReply> {
  const { raw } = reply;
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, { "content-type": "application/x-ndjson; charset=utf-8", "cache-control": "no-store" });
  raw.flushHeaders();
  try {
    for await (const record of records) {
      if (raw.destroyed) break;
      if (!raw.write(`${JSON.stringify(record)}\n`)) await Promise.race([once(raw, "drain"), once(raw, "close")]);
    }
    raw.end();
  } catch {
    // The status was sent: an answer that breaks off is the only way to say that it is not whole.
    raw.destroy();
  }
  return reply;
}

/** Aborted when the client closes its connection before the answer ended. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) controller.abort(new Error("The client closed its connection."));
  });
  return controller.signal;
}
