/** What the server knows of one request from its first line to its end. */
import type { IncomingMessage } from "node:http";
import type { FastifyRequest } from "fastify";
import type { Dialect } from "../contract.ts";
import { RequestError } from "../request-error.ts";

/** One request, for logs and metrics; no texts. */
export interface RequestRecord {
  readonly id: string;
  readonly method: string;
  /** As registered, "/v1/score"; "" for an unknown path. */
  readonly route: string;
  /** The wire format, "vllm-classify"; "" where there is none. */
  readonly dialect: string;
  /** 499 where the client went away. */
  readonly status: number;
  /** Items that it asked to score. */
  readonly items: number;
  /** Tokens of the items that were scored. */
  readonly tokens: number;
  readonly truncated: number;
  /** Bytes of the body. */
  readonly bytes: number;
  /** Milliseconds from its headers to the end of the answer. */
  readonly ms: number;
  /** What went wrong. */
  readonly code?: string;
}

/** The state of a request. */
export class Exchange {
  readonly started = performance.now();
  /** Aborted, with a RequestError, when nobody waits for the results any more. */
  readonly #stopping = new AbortController();
  /** As the client said, without parameters, in lower case. */
  contentType = "";
  bodyBytes = 0;
  /** Of the paths with several, the one that the body chose. */
  dialect: Dialect | undefined;
  dialectName = "";
  /** Whether all of the request has come. */
  accepted = false;
  items = 0;
  tokens = 0;
  truncated = 0;
  code: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  stop(reason: RequestError): void {
    if (!this.signal.aborted) this.#stopping.abort(reason);
  }

  /** @param seconds 0 for never */
  setDeadline(seconds: number): void {
    if (seconds === 0) return;
    const message = `The request was not answered within its timeout of ${seconds} s, and its work was cancelled.`;
    this.#timer = setTimeout(() => this.stop(new RequestError(504, "ERR_TIMEOUT", message)), seconds * 1000);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

const exchanges = new WeakMap<IncomingMessage, Exchange>();

/** Made when it is first asked for. */
export function exchangeOf({ raw }: FastifyRequest): Exchange {
  let exchange = exchanges.get(raw);
  if (exchange === undefined) {
    exchange = new Exchange();
    exchanges.set(raw, exchange);
  }
  return exchange;
}
