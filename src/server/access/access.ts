/** Who may use the server: keys, Host and Origin, checked before anything of a request's body is read. */
import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { InvalidInputError } from "../../errors.ts";
import type { RequestProblem } from "../contract.ts";
import type { ServerOptions } from "../options.ts";
import { isAllowedOrigin, isLoopback, isTrustedHost, isTrustedOrigin } from "./hosts.ts";
import { type ApiKeys, apiKeys, checkKeys, findKey } from "./keys.ts";

export type AccessOptions = Pick<ServerOptions, "apiKeys" | "allowedHosts" | "corsOrigins" | "insecureNoAuth">;

/** Answers without a key: it only says that the process lives. */
const OPEN_ROUTE = "/livez";
/** How long browsers may remember an answer to a preflight request, in seconds: Chromium's maximum. */
const MAX_PREFLIGHT_AGE = 7200;

export class AccessControl {
  readonly #keys: ApiKeys;
  readonly #hosts: readonly string[];
  readonly #origins: readonly string[];
  readonly #insecure: boolean;
  readonly #found = new WeakMap<IncomingMessage, number>();
  /** No page in a browser reaches a socket file, and what has a key needs no other proof of where it comes from. */
  #checksHost = true;

  /** @throws InvalidInputError */
  constructor(options: AccessOptions) {
    const { apiKeys: keys = [] } = options;
    checkKeys(keys, "apiKeys");
    this.#keys = apiKeys(keys);
    this.#hosts = options.allowedHosts ?? [];
    this.#origins = options.corsOrigins ?? [];
    this.#insecure = options.insecureNoAuth ?? false;
    for (const origin of this.#origins) {
      if (origin !== "*") checkOrigin(origin);
      else if (this.#keys.length === 0)
        throw refused('The origin "*" lets every web page use the server: it needs an API key.', "corsOrigins");
    }
  }

  get needsKey(): boolean {
    return this.#keys.length > 0;
  }

  /** The place of the key that let a request in, in the order of the options; undefined where none is needed. */
  keyOf({ raw }: FastifyRequest): number | undefined {
    return this.#found.get(raw);
  }

  /**
   * Call it before listening.
   *
   * @param host an address or a name; undefined for a socket file, which the file system guards
   * @throws InvalidInputError for an address beyond loopback without a key
   */
  checkListening(host: string | undefined): void {
    const isLocal = host === undefined || isLoopback(host);
    this.#checksHost = host !== undefined && (isLocal || !this.needsKey);
    if (isLocal || this.needsKey || this.#insecure) return;
    throw refused(
      `At ${host} everybody on the network could use the model. Set an API key (--api-key-file FILE, or STARLING_RM_API_KEY), ` +
        "or allow it with --insecure-no-auth.",
      "host",
    );
  }

  /**
   * Adds the checks to all routes of `app`.
   *
   * @param refuse answers with a problem
   */
  guard(app: FastifyInstance, refuse: (reply: FastifyReply, problem: RequestProblem) => FastifyReply): void {
    app.addHook("onRequest", async (request, reply) => {
      const problem = this.#problemOf(request, reply);
      if (problem !== undefined) {
        // The rest of its body is not read.
        reply.header("connection", "close");
        return refuse(reply, problem);
      }
      if (this.#isPreflight(request)) return reply.code(204).send();
    });
  }

  #problemOf(request: FastifyRequest, reply: FastifyReply): RequestProblem | undefined {
    const { host, origin, "sec-fetch-site": site, "sec-fetch-mode": mode } = request.headers;
    // HTTP/1.0 may leave the host out; browsers never do.
    if (this.#checksHost && host !== undefined && !isTrustedHost(host, this.#hosts)) return wrongHost(host);
    reply.header("vary", "Origin");
    if (origin !== undefined) {
      if (!isTrustedOrigin(origin, host, this.#origins)) return wrongOrigin(origin);
      this.#allowOrigin(request, reply, origin);
    } else if (site === "cross-site" && mode !== "navigate") return wrongOrigin("another site");
    if (!this.needsKey || pathOf(request) === OPEN_ROUTE || this.#isPreflight(request)) return undefined;
    const key = findKey(request.headers, this.#keys);
    if (key !== undefined) {
      this.#found.set(request.raw, key);
      return undefined;
    }
    // Basic makes a browser ask: the key is the password.
    reply.header("www-authenticate", [
      'Bearer realm="starling-rm"',
      'Basic realm="starling-rm: the API key is the password", charset="UTF-8"',
    ]);
    return MISSING_KEY;
  }

  #allowOrigin(request: FastifyRequest, reply: FastifyReply, origin: string): void {
    if (!isAllowedOrigin(origin, this.#origins)) return;
    reply.header("access-control-allow-origin", origin);
    reply.header("access-control-expose-headers", "x-request-id, retry-after, x-starling-rm-warnings");
    if (!this.#isPreflight(request)) return;
    reply.header("access-control-allow-methods", "GET, POST");
    reply.header("access-control-allow-headers", request.headers["access-control-request-headers"] ?? "");
    reply.header("access-control-max-age", String(MAX_PREFLIGHT_AGE));
  }

  #isPreflight({ method, headers }: FastifyRequest): boolean {
    return (
      method === "OPTIONS" && headers.origin !== undefined && headers["access-control-request-method"] !== undefined
    );
  }
}

const MISSING_KEY: RequestProblem = {
  status: 401,
  code: "ERR_UNAUTHORIZED",
  message:
    'This server needs its API key, as "Authorization: Bearer KEY", as "x-api-key: KEY", or in the URL: http://key:KEY@HOST/.',
};

function wrongHost(host: string): RequestProblem {
  return {
    status: 403,
    code: "ERR_FORBIDDEN_HOST",
    message: `This server does not answer for the host ${JSON.stringify(host)}. Its owner can allow that name: --allow-host NAME.`,
  };
}

function wrongOrigin(origin: string): RequestProblem {
  return {
    status: 403,
    code: "ERR_FORBIDDEN_ORIGIN",
    message: `Pages of ${origin} may not use this server. Its owner can allow them: --cors ORIGIN.`,
  };
}

function pathOf({ url }: FastifyRequest): string {
  return url.split("?", 1)[0] as string;
}

function checkOrigin(origin: string): void {
  const isOrigin = URL.canParse(origin) && new URL(origin).origin.toLowerCase() === origin.toLowerCase();
  if (!isOrigin)
    throw refused(
      `Expected an origin such as https://app.example for corsOrigins but received ${JSON.stringify(origin)}.`,
      "corsOrigins",
    );
}

function refused(message: string, field: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ARGUMENT", message, { field });
}
