/** Explains a server's refusal or silence. No message contains a token or a signed URL. */
import { HubError } from "../errors.ts";
import { nearestModels } from "../profiles/nearest-models.ts";
import { TransientError } from "./retry.ts";

/** What was requested, for messages. */
export interface Subject {
  /** For example "the file config.json of OWNER/NAME at main". */
  readonly what: string;
  /** "OWNER/NAME" where it is of the hub. */
  readonly repository?: string;
  /** Of the repository's page on the hub, where that is another one. */
  readonly page?: string;
}

export interface Requester {
  readonly endpoint: string;
  readonly hasToken: boolean;
}

const TOO_MANY_REQUESTS = 429;
/** Request timeout, too early, too many requests. */
const PASSING = [408, 425, TOO_MANY_REQUESTS];

/** The error for an answer that is neither a success nor a redirect. */
export function refusal(
  answer: { readonly status: number; readonly code: string | null; readonly host: string },
  subject: Subject,
  requester: Requester,
  retryAfterMs: number | undefined,
): Error {
  const { status, host } = answer;
  if (status >= 500 || PASSING.includes(status))
    return new TransientError(new HubError("ERR_HUB_UNREACHABLE", busy(status, host, requester)), { retryAfterMs });
  const fromHub = subject.repository !== undefined && host === new URL(requester.endpoint).host;
  if (fromHub && (status === 401 || status === 403 || status === 404))
    return hubRefusal(answer, { ...subject, repository: subject.repository }, requester);
  if (status === 401 || status === 403)
    return new HubError("ERR_HUB_ACCESS", `${host} refuses ${subject.what} (status ${status}).`);
  if (status === 404 || status === 410)
    return new HubError("ERR_NOT_ON_HUB", `${host} does not have ${subject.what} (status ${status}).`);
  return new HubError("ERR_HUB_RESPONSE", `${host} responded with status ${status} to ${subject.what}.`);
}

function busy(status: number, host: string, { hasToken }: Requester): string {
  if (status !== TOO_MANY_REQUESTS) return `${host} repeatedly responded with status ${status}: try again later.`;
  const hint = hasToken ? "wait some minutes" : "wait some minutes, or set HF_TOKEN, which gives higher limits";
  return `${host} responded with status 429, too many requests: ${hint}.`;
}

/** The hub also answers 401 for what does not exist, in order not to reveal private repositories. */
function hubRefusal(
  { status, code }: { readonly status: number; readonly code: string | null },
  { what, repository, page: path = repository }: Subject & { readonly repository: string },
  { endpoint, hasToken }: Requester,
): HubError {
  const page = `${endpoint}/${path}`;
  if (code === "GatedRepo")
    return new HubError(
      "ERR_HUB_ACCESS",
      hasToken
        ? `${repository} is gated, and the account of the given token has no access: accept its conditions at ${page} with that account, and use a token that may read gated repositories.`
        : `${repository} is gated: accept its conditions at ${page}, create a token at ${endpoint}/settings/tokens, and set HF_TOKEN to it.`,
    );
  if (code === "RevisionNotFound") return notThere(`${repository} has no such revision: ${what} was requested.`);
  if (code === "EntryNotFound") return notThere(`The hub does not have ${what}.`);
  if (code === "RepoNotFound" || (status === 404 && code === null))
    return notThere(
      hasToken
        ? `The hub has no ${what}, or it is private and the token has no access to it.${knownAs(repository, path)}`
        : `The hub has no ${what}, or it is private: check the name, or set HF_TOKEN to a token that has access to it.${knownAs(repository, path)}`,
    );
  if (status === 401 && hasToken)
    return new HubError(
      "ERR_HUB_ACCESS",
      `The hub does not accept the given token (HF_TOKEN): it may have expired; create a new one at ${endpoint}/settings/tokens.`,
    );
  const advice = hasToken ? "the given token may not read it" : "set HF_TOKEN to a token that may read it";
  return new HubError("ERR_HUB_ACCESS", `The hub refuses ${what} (status ${status}): see ${page}; ${advice}.`);
}

/** A sentence about models of similar names; "" where there are none, or for a data set. */
function knownAs(repository: string, page: string): string {
  const names = page === repository ? nearestModels(repository) : [];
  return names.length === 0 ? "" : ` Known models of similar names: ${names.join(", ")} (starling-rm models).`;
}

function notThere(message: string): HubError {
  return new HubError("ERR_NOT_ON_HUB", message);
}

const OFFLINE_CODES = ["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH", "ENETDOWN"];

/** The error for a request without a response, or a response that broke off. */
export function brokenConnection(error: unknown, host: string, wasReached: boolean): TransientError {
  const code = causeCode(error);
  if (/CERT|SIGNATURE|ERR_SSL|ERR_TLS/.test(code)) {
    const message = `The connection to ${host} is not secure: its certificate was rejected (${code}). Behind a proxy with its own certificate, set NODE_EXTRA_CA_CERTS to it.`;
    return new TransientError(new HubError("ERR_HUB_UNREACHABLE", message, { cause: error }), { permanent: true });
  }
  const offline = OFFLINE_CODES.includes(code);
  const message = offline
    ? `${host} cannot be reached (${code}): check the network, or set HF_HUB_OFFLINE=1 to use the cache.`
    : `The connection to ${host} broke repeatedly (${code || reason(error)}): try again; the partial download is kept.`;
  return new TransientError(new HubError("ERR_HUB_UNREACHABLE", message, { cause: error }), {
    permanent: offline && !wasReached,
  });
}

function causeCode(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as NodeJS.ErrnoException;
    if (typeof code === "string") return code;
  }
  return "";
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
