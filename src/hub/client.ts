/**
 * Requests to the hub and its redirects: the token goes only to the hub, and a silent connection is dropped.
 * Downloads are ours, not @huggingface/hub's, which lists repositories: resume, hash check and lock.
 */
import { HubError } from "../errors.ts";
import { fetchThrough, type HttpProxy, proxyFailure, proxyFor } from "./proxy.ts";
import { brokenConnection, refusal, type Subject } from "./response-errors.ts";
import { DEFAULT_RETRY_POLICY, type RetryPolicy, retryAfterMs, TransientError, withRetries } from "./retry.ts";
import { Watch } from "./watch.ts";

/** A successful response, whose body can be read once. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The hash of the file's content, as the hub itself names it; undefined where it does not. */
  readonly contentTag: string | undefined;
  readonly host: string;
  chunks(): AsyncIterable<Uint8Array>;
}

export interface RequestOptions {
  readonly subject: Subject;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** The hub needs one or two; more is a loop. */
const MAX_REDIRECTS = 5;
/** One page of a list of files takes about 300 KB; JSON of this size may become twenty times as large in memory. */
const MAX_JSON_BYTES = 8 * 1024 * 1024;

export interface ClientOptions {
  readonly endpoint: string;
  readonly token?: string | undefined;
  readonly retryPolicy?: RetryPolicy;
}

export class HubClient {
  readonly endpoint: string;
  readonly retryPolicy: RetryPolicy;
  /** Private: an error printed with its fields does not show it. */
  readonly #token: string | undefined;
  readonly #origin: string;
  /** A server that answered before is worth waiting for. */
  #wasReached = false;

  constructor({ endpoint, token, retryPolicy = DEFAULT_RETRY_POLICY }: ClientOptions) {
    this.endpoint = endpoint;
    this.#origin = new URL(endpoint).origin;
    this.#token = token;
    this.retryPolicy = retryPolicy;
  }

  /**
   * One attempt: sends the request, follows redirects and passes a successful response to `use`; then the connection is
   * dropped, whether all of it was read or not.
   *
   * @throws TransientError if a retry may succeed, HubError if not
   */
  async attempt<T>(address: string, options: RequestOptions, use: (answer: Answer) => Promise<T>): Promise<T> {
    const watch = new Watch(this.retryPolicy.stallMs, options.signal);
    try {
      const { response, url, contentTag } = await this.#follow(new URL(address), options, watch);
      const { status, headers } = response;
      const chunks = () => this.#chunks(response, url, watch);
      return await use({ status, headers, contentTag, host: url.host, chunks });
    } finally {
      watch.end();
    }
  }

  /** A complete small response, with retries; for the requests of @huggingface/hub. */
  fetchFor(subject: Subject, signal?: AbortSignal): typeof fetch {
    return (input, init) => {
      const headers = Object.fromEntries(new Headers(init?.headers));
      const once = () =>
        this.attempt(String(input), { subject, headers, signal }, async (answer) => {
          const bytes = await collect(answer, MAX_JSON_BYTES, subject);
          return new Response(bytes, { status: answer.status, headers: answer.headers });
        });
      return withRetries(once, this.retryPolicy, signal);
    };
  }

  async #follow(
    start: URL,
    { subject, headers = {} }: RequestOptions,
    watch: Watch,
  ): Promise<{ response: Response; url: URL; contentTag: string | undefined }> {
    let url = start;
    let contentTag: string | undefined;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await this.#send(url, headers, watch);
      if (url.origin === this.#origin) contentTag ??= tagOf(response.headers);
      const location = response.headers.get("location");
      const isRedirect = [301, 302, 303, 307, 308].includes(response.status) && location !== null;
      if (response.ok && !isRedirect) return { response, url, contentTag };
      response.body?.cancel().catch(() => {});
      if (!isRedirect) throw this.#refusal(response, url, subject);
      url = nextUrl(url, location);
    }
    throw new HubError("ERR_HUB_RESPONSE", `${start.host} redirects in a loop for ${subject.what}.`);
  }

  async #send(url: URL, headers: Readonly<Record<string, string>>, watch: Watch): Promise<Response> {
    const authorization = url.origin === this.#origin && this.#token ? { authorization: `Bearer ${this.#token}` } : {};
    const proxy = proxyFor(url);
    try {
      const send = await fetchThrough(proxy);
      const response = await watch.during(
        send(url, {
          // A compressed body would have other lengths and ranges than the file.
          headers: { "user-agent": "starling-rm", "accept-encoding": "identity", ...headers, ...authorization },
          redirect: "manual",
          signal: watch.signal,
        }),
      );
      watch.touch();
      this.#wasReached = true;
      return response;
    } catch (error) {
      const failure = proxy && !watch.signal.aborted ? proxyFailure(error, proxy, url.host) : undefined;
      throw failure ?? this.#broken(error, url, watch, proxy);
    }
  }

  async *#chunks(response: Response, url: URL, watch: Watch): AsyncGenerator<Uint8Array> {
    if (response.body === null) return;
    const reader = response.body.getReader();
    try {
      for (;;) {
        const { done, value } = await watch.during(reader.read()).catch((error) => {
          throw this.#broken(error, url, watch);
        });
        watch.touch();
        if (done) return;
        yield value;
      }
    } finally {
      // Closes the connection of what was not read to its end.
      reader.cancel().catch(() => {});
    }
  }

  #refusal({ status, headers }: Response, { host }: URL, subject: Subject): Error {
    const requester = { endpoint: this.endpoint, hasToken: this.#token !== undefined };
    const code = headers.get("x-error-code");
    return refusal({ status, code, host }, subject, requester, retryAfterMs(headers.get("retry-after")));
  }

  #broken(error: unknown, { host }: URL, watch: Watch, proxy?: HttpProxy): unknown {
    const { reason } = watch.signal;
    if (!watch.signal.aborted) return brokenConnection(error, host, this.#wasReached);
    if (!watch.isStalled) return reason;
    const sender = proxy === undefined ? host : `${host}, or the proxy ${proxy.name},`;
    const message = `${sender} repeatedly sent nothing for ${this.retryPolicy.stallMs / 1000} s: try again; the partial download is kept.`;
    return new TransientError(new HubError("ERR_HUB_UNREACHABLE", message));
  }
}

function nextUrl(from: URL, location: string): URL {
  const next = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  if (next === undefined || !/^https?:$/.test(next.protocol))
    throw new HubError("ERR_HUB_RESPONSE", `${from.host} redirects to an invalid URL.`);
  if (from.protocol === "https:" && next.protocol !== "https:")
    throw new HubError("ERR_HUB_RESPONSE", `${from.host} redirects from https to http, which is refused.`);
  return next;
}

/** For a file on another server the hub sends the hash in x-linked-etag; for a small file its own ETag is the hash. */
function tagOf(headers: Headers): string | undefined {
  const tag = headers.get("x-linked-etag") ?? headers.get("etag");
  return tag?.replace(/^W\//, "").replaceAll('"', "").toLowerCase() || undefined;
}

/** @throws HubError for more than `limit` bytes */
export async function collect(answer: Answer, limit: number, { what }: Subject): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.chunks()) {
    length += chunk.length;
    if (length > limit)
      throw new HubError("ERR_HUB_RESPONSE", `${answer.host} sends more than ${limit} bytes for ${what}.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
