/** What is wrong with a request as a whole, or with the server when it came. */
import { isStarlingError, reasonOf } from "../errors.ts";
import { given } from "../options.ts";
import type { RequestProblem } from "./contract.ts";
import { ScoringUnavailable } from "./scoring-unavailable.ts";

/** Longer than a model of a few gigabytes needs to be there again. */
const RETRY_SECONDS = 5;
/** Why requests are refused while the server drains or closes. */
export const ENDING = "The server is ending.";

export interface RequestErrorOptions {
  readonly field?: string | undefined;
  /** Whole seconds after which the client may try again. */
  readonly retryAfter?: number | undefined;
  /** Further headers of the answer. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Ends a request with a status and one sentence. */
export class RequestError extends Error {
  readonly problem: RequestProblem;
  readonly retryAfter: number | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    { field, retryAfter, headers = {} }: RequestErrorOptions = {},
  ) {
    super(message);
    this.name = "RequestError";
    this.problem = { status, code, message, ...given({ field }) };
    this.retryAfter = retryAfter;
    this.headers = headers;
  }
}

/** The client ended the connection: nobody reads the answer. */
export class Disconnected extends RequestError {
  constructor() {
    super(499, "ERR_DISCONNECTED", "The client closed the connection before the answer.");
  }
}

/** Nothing is scored now: the client may try again. */
export function unavailable(reason: string): RequestError {
  return new RequestError(503, "ERR_SCORING_UNAVAILABLE", reason, { retryAfter: RETRY_SECONDS });
}

/** The server has no model yet, or is ending: the client may try again. */
export function notReady(reason: string): RequestError {
  return new RequestError(503, "ERR_NOT_READY", reason, { retryAfter: RETRY_SECONDS });
}

/** Errors that are the client's to correct. */
const CLIENT_CODES: ReadonlySet<string> = new Set([
  ...["ERR_INVALID_ARGUMENT", "ERR_INVALID_ITEM", "ERR_EMPTY_TEXT", "ERR_INVALID_UNICODE", "ERR_SUSPECT_ITEM"],
  ...["ERR_NO_SCORE_POSITION", "ERR_TOO_MANY_TOKENS", "ERR_CONTEXT_TOO_SMALL", "ERR_INVALID_JSON", "ERR_INVALID_DATA"],
]);

/** A problem as the own interface shows it. */
export function problemFields({ code, message, field }: Omit<RequestProblem, "status">): object {
  return { code, message, ...given({ field }) };
}

/** What was thrown while a request was answered, as its problem. */
export function toRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof ScoringUnavailable) return unavailable(error.message);
  if (!isStarlingError(error)) {
    return new RequestError(500, "ERR_INTERNAL", `The server failed: ${reasonOf(error)}`);
  }
  const { code, message, field } = error;
  if (CLIENT_CODES.has(code)) return new RequestError(400, code, message, { field });
  if (code === "ERR_MODEL_CLOSED") return notReady(ENDING);
  return new RequestError(500, code, message, { field });
}
