/** Requests to the server that this page came from, and to no other. */

import type { DrawnLine } from "../draw.ts";
import type { PlaygroundSettings } from "../routes.ts";
import type { UploadedLine } from "../rows.ts";
import type { Item, ModelFacts, Outcome, Score } from "./types.ts";

const KEY = "starling-rm-key";

/** An answer other than success, in the server's own words. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Only until the tab is closed. */
export function setKey(key: string): void {
  sessionStorage.setItem(KEY, key);
}

/** With the key. @throws what fetch() throws */
function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const key = sessionStorage.getItem(KEY);
  if (key !== null) headers.set("authorization", `Bearer ${key}`);
  // The page's own address may have a key in it, which a relative one would inherit.
  const url = new URL(path, location.origin);
  return fetch(url, { ...init, headers, cache: "no-store", redirect: "error" });
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await request(path, init).catch((error: unknown) => {
    init.signal?.throwIfAborted();
    throw new ApiError(0, `The server does not answer (${error instanceof Error ? error.message : error}).`);
  });
  if (response.ok) return response;
  throw new ApiError(response.status, await messageOf(response));
}

async function messageOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  try {
    const body = JSON.parse(text);
    const message = body?.error?.message ?? body?.message ?? body?.reason ?? body?.error;
    if (typeof message === "string") return message;
  } catch {
    // Not one of the server's own answers.
  }
  return `The server answered with status ${response.status}.`;
}

function post(path: string, body: unknown, signal: AbortSignal): Promise<Response> {
  const headers = { "content-type": "application/json", accept: "application/x-ndjson" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

/** @throws ApiError for a line that the server could not finish */
async function* lines<T>(response: Response): AsyncGenerator<T> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let rest = "";
  let isWhole = false;
  try {
    while (!isWhole) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      isWhole = done;
      const parts = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) if (part !== "") yield JSON.parse(part);
    }
    if (rest.trim() !== "") yield JSON.parse(rest);
  } catch (error) {
    if (error instanceof DOMException) throw error;
    throw new ApiError(0, "The server's answer broke off.");
  } finally {
    // Left early: the server need not go on.
    if (!isWhole) await reader?.cancel().catch(() => {});
  }
}

export interface Readiness {
  readonly isReady: boolean;
  readonly reason: string;
  readonly fraction?: number;
}

export async function readiness(): Promise<Readiness> {
  const response = await request("/readyz").catch(() => {
    throw new ApiError(0, "The server does not answer.");
  });
  if (response.ok) return { isReady: true, reason: "" };
  if (response.status !== 503) throw new ApiError(response.status, await messageOf(response));
  const body = await response.json().catch(() => ({}));
  const reason = body.reason ?? body.error?.message ?? "The model is not ready.";
  return {
    isReady: false,
    reason: String(reason),
    ...(typeof body.fraction === "number" ? { fraction: body.fraction } : {}),
  };
}

export async function model(): Promise<ModelFacts> {
  const body = await (await ask("/v1/models")).json();
  const { id, heads, info } = body.data[0];
  const { template, tokenization, contextTokens: maxTokens, notice, direction } = info;
  const costs = direction === "lower" ? "Its scores are costs: lower is better." : undefined;
  const notices = [notice, costs].filter((each) => each !== undefined);
  return {
    ...{ name: id, heads, template, tokenization, maxTokens, direction },
    ...(notices.length === 0 ? {} : { notice: notices.join(" ") }),
  };
}

export async function settings(): Promise<PlaygroundSettings> {
  return (await ask("/playground/settings")).json();
}

export interface ScoreRequest {
  readonly items: readonly Item[];
  readonly perToken?: boolean;
  readonly allHeads?: boolean;
  readonly signal: AbortSignal;
}

const UNAVAILABLE = 503;
/** What stays wrong with a text. Anything else is the server's trouble, and may pass. */
const ITEM_ERRORS: ReadonlySet<string> = new Set([
  ...["ERR_INVALID_ITEM", "ERR_EMPTY_TEXT", "ERR_INVALID_UNICODE", "ERR_SUSPECT_ITEM", "ERR_NO_SCORE_POSITION"],
  ...["ERR_TOO_MANY_TOKENS", "ERR_CONTEXT_TOO_SMALL", "ERR_NOT_FINITE"],
]);

/** Results as they come, in any order: the index of the item, and what became of it. */
export async function* score({ items, perToken = false, allHeads = false, signal }: ScoreRequest): AsyncGenerator<{
  readonly index: number;
  readonly outcome: Outcome;
}> {
  const response = await post("/v1/score", { items, perToken, allHeads }, signal);
  type Failure = { readonly code?: string; readonly message?: string };
  type Line = { readonly index?: number; readonly error?: Failure } & Partial<Score>;
  let seen = 0;
  for await (const line of lines<Line>(response)) {
    const { error, index = seen } = line;
    seen += 1;
    if (error !== undefined && !ITEM_ERRORS.has(error.code ?? ""))
      throw new ApiError(UNAVAILABLE, error.message ?? "The server failed.");
    yield {
      index,
      outcome: error === undefined ? (line as Score) : { error: error.message ?? "It cannot be scored." },
    };
  }
  if (seen < items.length) throw new ApiError(0, "The server's answer broke off.");
}

export async function* rows(
  file: File,
  fields: Readonly<Record<string, string>>,
  signal: AbortSignal,
): AsyncGenerator<UploadedLine> {
  const query = new URLSearchParams({ name: file.name });
  const { ignore = "", ...mapping } = fields;
  if (Object.keys(mapping).length > 0) query.set("fields", JSON.stringify(mapping));
  for (const name of ignore.split(",").map((part) => part.trim())) if (name !== "") query.append("ignore", name);
  const headers = { "content-type": "application/octet-stream" };
  yield* lines(await ask(`/playground/rows?${query}`, { method: "POST", headers, body: file, signal }));
}

export interface DrawRequest {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly count: number;
  readonly temperature?: number;
  readonly maxTokens?: number;
}

export async function* candidates(request: DrawRequest, signal: AbortSignal): AsyncGenerator<DrawnLine> {
  yield* lines(await post("/playground/candidates", request, signal));
}
