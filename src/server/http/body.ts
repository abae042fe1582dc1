/** The body of a request as JSON, whatever its client calls it. */
import type { Readable } from "node:stream";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { byteSize } from "../../byte-units.ts";
import { reasonOf } from "../../errors.ts";
import { doubledKey } from "../../json-keys.ts";
import { RequestError } from "../request-error.ts";
import { exchangeOf } from "./exchange.ts";

/** What clients say of JSON: curl without -H says that it is a form, some say nothing. */
const FORM = "application/x-www-form-urlencoded";
const JSON_TYPES: ReadonlySet<string> = new Set([
  ...["", "application/json", "text/json", "text/plain", "application/octet-stream", "application/x-ndjson", "*/*"],
  FORM,
]);
const ADVICE = "send JSON with Content-Type: application/json";
/**
 * Most clients send all of a body before they read the answer, and would never see one that comes earlier: a body that is
 * too large is read on and dropped, but not for ever.
 */
const MAX_DROPPED_BYTES = 1024 ** 3;
const MAX_DROPPING_MS = 30_000;

/** Replaces the parsers of fastify, which know few types and refuse some names of fields. */
export function registerBodyParser(app: FastifyInstance, maxBytes: number): void {
  app.removeAllContentTypeParsers();
  app.addHook("onRequest", async (request) => {
    // fastify refuses some types before a parser sees them.
    exchangeOf(request).contentType = mediaType(request.headers["content-type"]);
    delete request.headers["content-type"];
  });
  app.addContentTypeParser("*", async (request: FastifyRequest, payload: Readable) => {
    const { contentType } = exchangeOf(request);
    const body = await readBody(payload, maxBytes, Number(request.headers["content-length"] ?? 0));
    exchangeOf(request).bodyBytes = body.length;
    refuseEncoding(request.headers["content-encoding"]);
    if (!JSON_TYPES.has(contentType) && !contentType.endsWith("+json")) {
      const message = `Expected JSON but received ${JSON.stringify(contentType)}: ${ADVICE}.`;
      throw new RequestError(415, "ERR_UNSUPPORTED_MEDIA_TYPE", message);
    }
    return parseJson(body, contentType);
  });
}

/** A media type in lower case, without its parameters; "" for none. */
export function mediaType(header = ""): string {
  return header.split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function refuseEncoding(encoding: string | undefined): void {
  if (encoding === undefined || encoding.toLowerCase() === "identity") return;
  throw new RequestError(
    415,
    "ERR_UNSUPPORTED_ENCODING",
    `Expected a body without Content-Encoding but received ${JSON.stringify(encoding)}: send it uncompressed.`,
  );
}

/** @throws RequestError 413 when it has more than `maxBytes`, once the client has sent it all */
async function readBody(payload: Readable, maxBytes: number, announced: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let isTooLarge = announced > maxBytes;
  let timer = isTooLarge ? stopLater(payload) : undefined;
  try {
    for await (const chunk of payload as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (!isTooLarge && bytes > maxBytes) {
        isTooLarge = true;
        chunks.length = 0;
        timer = stopLater(payload);
      }
      if (!isTooLarge) chunks.push(chunk);
      else if (bytes > maxBytes + MAX_DROPPED_BYTES) break;
    }
  } catch (error) {
    if (!isTooLarge) throw new RequestError(400, "ERR_INCOMPLETE", `The body ended too early: ${reasonOf(error)}`);
  } finally {
    clearTimeout(timer);
  }
  if (!isTooLarge) return Buffer.concat(chunks, bytes);
  throw new RequestError(
    413,
    "ERR_BODY_TOO_LARGE",
    `The body has ${announced > maxBytes ? byteSize(announced) : `more than ${byteSize(maxBytes)}`}, and the limit is ` +
      `${byteSize(maxBytes)}: send the items in several requests, or start the server with a larger --max-body.`,
  );
}

function stopLater(payload: Readable): NodeJS.Timeout {
  return setTimeout(() => payload.destroy(), MAX_DROPPING_MS).unref();
}

/**
 * Longer bodies are not searched for doubled keys: of 4 MB with texts it takes 2 ms, of 4 MB of short fields 12 ms, beside 6 and 25 ms
 * for decoding and parsing, and other requests wait for it.
 */
const MAX_SEARCHED_CHARACTERS = 4 * 1024 * 1024;

const utf8 = new TextDecoder("utf-8", { fatal: true });

function parseJson(body: Buffer, type: string): unknown {
  if (body.length === 0) throw emptyBody();
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw invalid("The body is not UTF-8: send JSON in UTF-8.");
  }
  const value = parsed(text, type);
  const key = text.length <= MAX_SEARCHED_CHARACTERS ? doubledKey(text, value) : undefined;
  if (key === undefined) return value;
  // Errors are logged: a text that stands where a key should be is not named.
  const named = /^\w{1,40}$/.test(key) ? `the key ${JSON.stringify(key)}` : "a key";
  throw invalid(`The body has ${named} twice in one object: remove or rename one of them.`);
}

function parsed(text: string, type: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (type === FORM && !/^\s*[[{]/.test(text)) throw invalid(`The body is a form and not JSON: ${ADVICE}.`);
    throw invalid(`The body is not JSON${placeOf(error, text)}.`);
  }
}

export function emptyBody(): RequestError {
  return invalid("The body is empty: send JSON.");
}

function invalid(message: string): RequestError {
  return new RequestError(400, "ERR_INVALID_JSON", message);
}

/** Without the text itself, which V8's message has: errors are logged, texts are not. */
function placeOf(error: unknown, text: string): string {
  const message = reasonOf(error);
  if (/end of JSON|Unterminated/i.test(message)) return `: it ends after ${text.length} characters, too early`;
  const position = /at position (\d+)/.exec(message)?.[1];
  if (position === undefined) return "";
  const before = text.slice(0, Number(position));
  return `: the error is in line ${before.split("\n").length}, column ${before.length - before.lastIndexOf("\n")}`;
}
