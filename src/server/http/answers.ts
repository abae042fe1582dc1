/** Errors as answers: in the dialect's shape where there is one. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { reasonOf } from "../../errors.ts";
import type { Dialect } from "../contract.ts";
import { problemFields, RequestError, toRequestError } from "../request-error.ts";
import { exchangeOf } from "./exchange.ts";

const JSON_TYPE = "application/json; charset=utf-8";

/** @param body JSON, or a string as it is */
export function sendJson(reply: FastifyReply, body: unknown, status = 200): FastifyReply {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return reply.code(status).header("content-type", JSON_TYPE).send(text);
}

/** fastify's own errors, by their codes. */
const FASTIFY_ERRORS: Readonly<Record<string, ConstructorParameters<typeof RequestError>>> = {
  FST_ERR_BAD_URL: [400, "ERR_BAD_URL", "The path of the request is not a valid URL."],
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: [
    ...([405, "ERR_WRONG_METHOD", "Expected GET or POST but received QUERY."] as const),
    { headers: { allow: "GET, HEAD, POST" } },
  ],
  FST_ERR_ASYNC_CONSTRAINT: [400, "ERR_BAD_URL", "The request cannot be routed."],
};

function problemOf(error: unknown): RequestError {
  const known = FASTIFY_ERRORS[(error as { code?: string }).code ?? ""];
  if (known !== undefined) return new RequestError(...known);
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  // What fastify refuses is the client's fault, and not the server's.
  const isRefused = typeof code === "string" && code.startsWith("FST_") && Number(statusCode) < 500;
  return isRefused ? new RequestError(Number(statusCode), "ERR_BAD_REQUEST", reasonOf(error)) : toRequestError(error);
}

export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const failure = problemOf(error);
  const { problem, retryAfter, headers } = failure;
  const exchange = exchangeOf(request);
  exchange.code = problem.code;
  if (problem.status === 500) request.log.error({ err: error }, "request failed");
  if (retryAfter !== undefined) reply.header("retry-after", String(retryAfter));
  for (const [name, value] of Object.entries(headers)) reply.header(name, value);
  const dialect = exchange.dialect ?? (request.routeOptions.config as { dialect?: Dialect }).dialect;
  if (dialect === undefined) return sendJson(reply, { error: problemFields(problem) }, problem.status);
  const status = problem.status === 400 ? (dialect.invalidStatus ?? 400) : problem.status;
  return sendJson(reply, dialect.refuse({ ...problem, status }), status);
}
