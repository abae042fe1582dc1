/** One completion of an OpenAI-compatible endpoint, as it streams in. */
import { invalidArgument } from "../../errors.ts";
import { fetchThrough, proxyFor } from "../../hub/proxy.ts";
import { Watch } from "../../hub/watch.ts";
import { anInteger, aString, type Check } from "../../options.ts";
import type { ChatMessage } from "../../prompt/messages.ts";

/** Where candidates come from. */
export interface CandidateSource {
  /** Base URL of an OpenAI-compatible interface, such as "http://127.0.0.1:8000/v1", or of its chat/completions itself. */
  readonly url: string;
  /** Sent as a Bearer token. Default: none. */
  readonly key?: string | undefined;
  /** The model's name there. Default: left out, for endpoints with one model. */
  readonly model?: string | undefined;
  /** Milliseconds that the endpoint may be silent. Default: 120,000. */
  readonly silence?: number | undefined;
}

/** For the options of a server. */
export const aCandidateSource: Check = (value) => {
  if (typeof value !== "object" || value === null) return 'an object such as { url: "http://127.0.0.1:8000/v1" }';
  const { url, key, model, silence, ...others } = value as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) return `url, key, model and silence only (not ${JSON.stringify(unknown)})`;
  if (typeof url !== "string" || !isHttp(url)) return "a url such as http://127.0.0.1:8000/v1";
  if (key !== undefined && (typeof key !== "string" || !/^[\x21-\x7e]+$/.test(key))) return "a key of visible ASCII";
  if (model !== undefined && aString(model) !== undefined) return "the name of a model";
  return silence === undefined || anInteger(1, MAX_TIMER)(silence) === undefined
    ? undefined
    : `silence in milliseconds, 1 to ${MAX_TIMER}`;
};

function isHttp(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

export interface Sampling {
  /** 0 to 2. Default: the endpoint's. */
  readonly temperature?: number | undefined;
  /** Most tokens of a completion. Default: the endpoint's. */
  readonly maxTokens?: number | undefined;
}

export interface Completion {
  readonly text: string;
  /** As the endpoint says: "stop", "length" … */
  readonly finishReason?: string;
}

/** What went wrong at the endpoint, in one sentence for people. */
export class EndpointError extends Error {}

/** Far longer than a model needs to begin, also where it is loaded first. */
const MAX_SILENCE = 120_000;
/** Longer timers end at once. */
const MAX_TIMER = 2 ** 31 - 1;
/** Of an endpoint's own error message. */
const MAX_SHOWN_CHARACTERS = 300;
const MAX_COMPLETION_CHARACTERS = 1_000_000;

/** The address to post to. @throws InvalidInputError for what is no HTTP address */
export function completionsUrl(url: string): URL {
  if (!isHttp(url)) throw invalidArgument("the URL of candidates", "an address such as http://127.0.0.1:8000/v1", url);
  const parsed = new URL(url);
  const path = parsed.pathname.replace(/\/+$/, "");
  parsed.pathname = path.endsWith("/chat/completions") ? path : `${path}/chat/completions`;
  return parsed;
}

/** @throws EndpointError, or the signal's reason */
export async function complete(
  source: CandidateSource,
  messages: readonly ChatMessage[],
  sampling: Sampling,
  signal: AbortSignal,
): Promise<Completion> {
  const url = completionsUrl(source.url);
  const silence = source.silence ?? MAX_SILENCE;
  const watch = new Watch(silence, signal);
  try {
    const fetch = await fetchThrough(proxyFor(url));
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "text/event-stream",
        ...(source.key === undefined ? {} : { authorization: `Bearer ${source.key}` }),
      },
      body: JSON.stringify({
        ...(source.model === undefined ? {} : { model: source.model }),
        messages,
        stream: true,
        ...(sampling.temperature === undefined ? {} : { temperature: sampling.temperature }),
        ...(sampling.maxTokens === undefined ? {} : { max_tokens: sampling.maxTokens }),
      }),
      // A key must not follow a redirect.
      redirect: "manual",
      signal: watch.signal,
    });
    if (!response.ok) throw new EndpointError(await refusal(url, response, source));
    return await read(url, response, watch);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof EndpointError) throw error;
    if (watch.isStalled) throw new EndpointError(`The endpoint ${url.host} sent nothing for ${silence / 1000} s.`);
    throw new EndpointError(`The endpoint ${url.host} cannot be reached: ${reason(error)}.`);
  } finally {
    watch.end();
  }
}

async function refusal({ host }: URL, response: Response, { key, model }: CandidateSource): Promise<string> {
  const { status } = response;
  const own = messageOf(await response.text().catch(() => ""));
  const said = own === "" ? "" : `: ${own.replace(/\.$/, "")}`;
  if (status === 401 || status === 403)
    return key === undefined
      ? `The endpoint ${host} asks for a key (${status})${said}. Whoever runs this server can set --candidates-key-file.`
      : `The endpoint ${host} does not accept this server's key (${status})${said}.`;
  if (status >= 300 && status < 400)
    return `The endpoint ${host} redirects (${status}) to ${response.headers.get("location") ?? "nowhere"}: use that address.`;
  if (status === 404)
    return `The endpoint ${host} has no such ${model === undefined ? "address" : "address or model"} (404)${said}.`;
  if (status === 429) return `The endpoint ${host} is busy (429)${said}. Try fewer candidates, or later.`;
  return `The endpoint ${host} answered with status ${status}${said}.`;
}

/** The message of an error answer, in the shapes that servers use; of other answers nothing. */
function messageOf(text: string): string {
  try {
    const body = JSON.parse(text);
    const message = body?.error?.message ?? body?.error ?? body?.message ?? body?.detail;
    return typeof message === "string" ? message.slice(0, MAX_SHOWN_CHARACTERS).replaceAll(/\s+/g, " ").trim() : "";
  } catch {
    return "";
  }
}

async function read(url: URL, response: Response, watch: Watch): Promise<Completion> {
  const isStream = /^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "");
  let text = "";
  let finishReason: string | undefined;
  const add = (content: unknown, reason: unknown) => {
    if (typeof content === "string") text += content;
    if (typeof reason === "string") finishReason = reason;
    if (text.length > MAX_COMPLETION_CHARACTERS)
      throw new EndpointError(
        `The endpoint ${url.host} does not stop: it sent ${MAX_COMPLETION_CHARACTERS} characters.`,
      );
  };
  if (isStream) {
    let isWhole = false;
    for await (const data of events(response, watch)) {
      if (data === "[DONE]") {
        isWhole = true;
        break;
      }
      const { choice, error } = chunkOf(data, url);
      if (error !== undefined) throw new EndpointError(`The endpoint ${url.host} failed: ${error.replace(/\.$/, "")}.`);
      add(choice?.delta?.content, choice?.finish_reason);
    }
    if (!isWhole && finishReason === undefined)
      throw new EndpointError(`The endpoint ${url.host} broke off in the middle of a candidate.`);
  } else {
    // Some servers do not stream.
    const { choice, error } = chunkOf(await response.text(), url);
    if (choice === undefined)
      throw new EndpointError(
        `The endpoint ${url.host} answered without a completion${error === undefined ? "" : `: ${error}`}.`,
      );
    add(choice.message?.content, choice.finish_reason);
  }
  return finishReason === undefined ? { text } : { text, finishReason };
}

interface Choice {
  readonly delta?: { readonly content?: unknown } | null;
  readonly message?: { readonly content?: unknown } | null;
  readonly finish_reason?: unknown;
}

function chunkOf(
  data: string,
  { host }: URL,
): { readonly choice: Choice | undefined; readonly error: string | undefined } {
  try {
    const body = JSON.parse(data);
    const error =
      body?.error === undefined || body.error === null ? undefined : messageOf(data) || "no reason was given";
    const choice: unknown = body?.choices?.[0];
    return { choice: typeof choice === "object" && choice !== null ? (choice as Choice) : undefined, error };
  } catch {
    throw new EndpointError(`The endpoint ${host} sent something that is not JSON: is its address right?`);
  }
}

/** The data of server-sent events. */
async function* events(response: Response, watch: Watch): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    watch.touch();
    const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const data = /^data: ?(.*)$/s.exec(line)?.[1];
      if (data !== undefined && data !== "") yield data;
    }
  }
  const last = /^data: ?(.*)$/s.exec(rest.trimEnd())?.[1];
  if (last !== undefined && last !== "") yield last;
}

function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  const { code } = cause as NodeJS.ErrnoException;
  return cause.message === "" ? (code ?? "the connection failed") : cause.message.replace(/\.$/, "");
}
