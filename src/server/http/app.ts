/** The HTTP server before its routes: request ids, logs, errors, unknown paths, disconnects, deadlines. */
import { randomUUID } from "node:crypto";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify, LogController } from "fastify";
import { given, nearest } from "../../options.ts";
import type { AccessControl } from "../access/access.ts";
import { MAX_TIMEOUT_SECONDS } from "../choices.ts";
import type { CheckedOptions } from "../options.ts";
import { Disconnected, RequestError } from "../request-error.ts";
import { sendError } from "./answers.ts";
import { registerBodyParser } from "./body.ts";
import { exchangeOf, type RequestRecord } from "./exchange.ts";
import { logRequest, logTo } from "./log.ts";
import { MAX_STALLED_MS } from "./ndjson.ts";

/** An id of a client that goes into headers and logs. */
const REQUEST_ID = /^[\w.:@/+=-]{1,128}$/;
/** A client that needs longer for its headers and body is gone. */
const MAX_RECEIVING_MS = 10 * 60_000;
/** Characters of an unknown path in its answer. */
const MAX_SHOWN_PATH = 100;

export interface AppSettings {
  readonly options: CheckedOptions;
  readonly access: AccessControl;
  /** Called at the end of each request. */
  readonly observe: (record: RequestRecord) => void;
  /** Whether the connection of this request ends with its answer. */
  readonly isLast: () => boolean;
  /** For tests: another limit. */
  readonly maxStalledMs?: number;
}

export function createApp({
  options,
  access,
  observe,
  isLast,
  maxStalledMs = MAX_STALLED_MS,
}: AppSettings): FastifyInstance {
  const app = fastify({
    logger: logTo(options),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: ({ headers }) => {
      const given = headers["x-request-id"];
      return typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
    },
    // Bodies are read by our parser.
    bodyLimit: Number.MAX_SAFE_INTEGER,
    requestTimeout: MAX_RECEIVING_MS,
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true },
    frameworkErrors: (error, request, reply) => sendError(error, request, reply),
  }) as unknown as FastifyInstance;
  // Bodies are checked by their dialect, whose messages name what was expected.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
    if (isLast()) reply.header("connection", "close");
    watchEnd(request, reply, options, observe);
    exchangeOf(request).setDeadline(timeoutOf(request, options.timeout));
  });
  access.guard(app, (reply, { status, code, message }) =>
    sendError(new RequestError(status, code, message), reply.request, reply),
  );
  registerBodyParser(app, options.maxBody);
  app.addHook("preHandler", async (request) => {
    exchangeOf(request).accepted = true;
  });
  // While an answer is being written; node sets the connection's own limits again when it is done.
  app.addHook("onSend", async (_, reply, payload) => {
    if (typeof payload === "string") reply.raw.socket?.setTimeout(maxStalledMs);
  });
  app.setErrorHandler((error, request, reply) => sendError(stoppedBy(request) ?? error, request, reply));
  return app;
}

/** Why a request ended is what its client learns, and not what came of that. */
function stoppedBy(request: FastifyRequest): unknown {
  const { signal } = exchangeOf(request);
  const isOwn = signal.aborted && (signal.reason as RequestError).problem.code !== "ERR_CANCELLED";
  return isOwn ? signal.reason : undefined;
}

/** "close" comes after every answer, and when the connection ends before it. */
function watchEnd(
  request: FastifyRequest,
  reply: FastifyReply,
  options: CheckedOptions,
  observe: (record: RequestRecord) => void,
): void {
  // An answer whose connection was closed in the middle of it also "finishes", and is writableFinished.
  const { socket } = request.raw;
  let isWritten = false;
  reply.raw.on("finish", () => {
    isWritten = !socket.destroyed;
  });
  reply.raw.on("close", () => {
    const exchange = exchangeOf(request);
    if (!isWritten) exchange.stop(new Disconnected());
    exchange.end();
    const record = recordOf(request, reply);
    observe(record);
    logRequest(request, record, options);
  });
}

function timeoutOf(request: FastifyRequest, usual: number): number {
  const given = request.headers["x-request-timeout"];
  if (given === undefined) return usual;
  const seconds = typeof given === "string" && given.trim() !== "" ? Number(given) : Number.NaN;
  if (seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS) return seconds;
  const message = `Expected seconds, more than 0 and at most ${MAX_TIMEOUT_SECONDS}, for the header X-Request-Timeout but received ${JSON.stringify(given)}.`;
  throw new RequestError(400, "ERR_INVALID_ARGUMENT", message, { field: "X-Request-Timeout" });
}

function recordOf(request: FastifyRequest, reply: FastifyReply): RequestRecord {
  const exchange = exchangeOf(request);
  const { reason } = exchange.signal;
  return {
    id: request.id,
    method: request.method,
    route: request.routeOptions.url ?? "",
    dialect: exchange.dialectName,
    status: reason instanceof Disconnected ? reason.problem.status : reply.raw.statusCode,
    items: exchange.items,
    tokens: exchange.tokens,
    truncated: exchange.truncated,
    bytes: exchange.bodyBytes,
    ms: Math.round((performance.now() - exchange.started) * 1000) / 1000,
    ...given({ code: exchange.code }),
  };
}

/** Answers what no route has: 405 with the methods of the path, or 404 with the nearest path. */
export function registerUnknownPaths(app: FastifyInstance, methodsOf: ReadonlyMap<string, ReadonlySet<string>>): void {
  app.setNotFoundHandler((request, reply) => {
    const [asked = ""] = request.url.split("?", 1);
    const path = asked.length > 1 && asked.endsWith("/") ? asked.slice(0, -1) : asked;
    const methods = methodsOf.get(path);
    if (methods !== undefined) {
      const allowed = [...methods].join(", ");
      const message = `Expected ${allowed} for ${path} but received ${request.method}.`;
      return sendError(
        new RequestError(405, "ERR_WRONG_METHOD", message, { headers: { allow: allowed } }),
        request,
        reply,
      );
    }
    // The work grows with its length.
    const near = path.length > MAX_SHOWN_PATH ? undefined : nearest(path, [...methodsOf.keys()]);
    const advice = near === undefined ? "GET /openapi.json lists the paths." : `Did you mean ${near}?`;
    const shown = path.length > MAX_SHOWN_PATH ? `${path.slice(0, MAX_SHOWN_PATH - 1)}…` : path;
    return sendError(new RequestError(404, "ERR_UNKNOWN_PATH", `There is no ${shown}. ${advice}`), request, reply);
  });
}
