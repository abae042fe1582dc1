/** One line a request: never texts, unless the owner asks for them. */
import { Writable } from "node:stream";
import type { FastifyBaseLogger, FastifyRequest, FastifyServerOptions } from "fastify";
import type { CheckedOptions, LogStream } from "../options.ts";
import type { RequestRecord } from "./exchange.ts";

/** fastify's option `logger`. */
export function logTo({ logLevel, logFormat, logStream }: CheckedOptions): NonNullable<FastifyServerOptions["logger"]> {
  if (logLevel === "silent") return false;
  const out = logStream ?? process.stdout;
  const stream = logFormat === "json" ? out : new PrettyLines(out);
  return { level: logLevel, base: null, timestamp: isoTime, stream } as NonNullable<FastifyServerOptions["logger"]>;
}

const isoTime = () => `,"time":"${new Date().toISOString()}"`;

const PROBES = new Set(["/livez", "/readyz", "/metrics"]);

export function logRequest(request: FastifyRequest, record: RequestRecord, { logTexts }: CheckedOptions): void {
  const log: FastifyBaseLogger = request.log;
  const path = record.route === "" ? { path: shownPath(request.url) } : {};
  // The logger has the id already.
  const { id: _id, ...rest } = record;
  const fields = { ...rest, ...path, ...(logTexts && request.body !== undefined ? { body: request.body } : {}) };
  if (record.status >= 500 && record.status !== 503) log.error(fields, "request");
  // Balancers and Prometheus ask every few seconds, and would bury the others.
  else if (PROBES.has(record.route) && record.status < 400) log.debug(fields, "request");
  else log.info(fields, "request");
}

/** The path of an unknown route; a query may hold anything. */
function shownPath(url: string): string {
  return url.split("?", 1)[0]?.slice(0, 200) ?? "";
}

const LEVELS: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};
/** Fields that have a place of their own in a line. */
const PLACED = new Set(["level", "time", "msg", "reqId", "method", "route", "path", "status", "ms"]);

/** pino's JSON lines for people: "12:00:00.000 POST /v1/score 200 5.2 ms items=3 tokens=120". */
class PrettyLines extends Writable {
  readonly #out: LogStream;

  constructor(out: LogStream) {
    super();
    this.#out = out;
  }

  override _write(chunk: Buffer | string, _encoding: string, done: () => void): void {
    for (const line of String(chunk).split("\n")) if (line !== "") this.#out.write(`${prettyLine(line)}\n`);
    done();
  }
}

function prettyLine(json: string): string {
  const entry = JSON.parse(json) as Record<string, unknown>;
  const { level, time, msg, method, route, path, status, ms } = entry;
  const rest = Object.entries(entry)
    .filter(([name, value]) => !PLACED.has(name) && value !== "" && value !== 0)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const what = method === undefined ? [String(msg)] : [method, route === "" ? path : route, status, `${ms} ms`];
  const name = LEVELS[Number(level)] ?? "";
  return [String(time).slice(11, 23), ...(name === "info" ? [] : [name]), ...what, ...rest].join(" ");
}
