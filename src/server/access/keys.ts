/** API keys: read from a file, found in a request, compared in constant time. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { InvalidInputError } from "../../errors.ts";

/** SHA-256 digests: of one length whatever the keys' are, so comparing them says nothing about a key. */
export type ApiKeys = readonly Buffer[];

/** Visible ASCII: everything that a header can carry as it is. */
const KEY = /^[\x21-\x7e]+$/;

/**
 * @param where how messages name them
 * @throws InvalidInputError for a key that no header can carry
 */
export function checkKeys(keys: readonly string[], where: string): void {
  for (const [i, key] of keys.entries()) {
    if (KEY.test(key)) continue;
    const problem =
      key === "" ? "it is empty" : "it has characters other than visible ASCII, which no header can carry";
    throw new InvalidInputError("ERR_INVALID_ARGUMENT", `Key ${i + 1} of ${where} cannot be used: ${problem}.`, {
      field: where,
    });
  }
}

/** @param keys each may be used; several allow to change one without a pause. {@link checkKeys} has let them pass */
export function apiKeys(keys: readonly string[]): ApiKeys {
  return keys.map(digest);
}

/**
 * The keys of a file: one a line; empty lines and lines that begin with # are left out.
 *
 * @throws InvalidInputError for a file without a key
 */
export function keysOfFile(text: string, path: string): readonly string[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const keys = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (keys.length > 0) return keys;
  throw new InvalidInputError(
    "ERR_INVALID_ARGUMENT",
    `${path} has no key: write one a line, such as "openssl rand -hex 32" prints.`,
    {
      file: path,
    },
  );
}

/** The place of the key that a request carries; undefined for none of them. Each is compared with all, whatever is found before. */
export function findKey(headers: IncomingHttpHeaders, keys: ApiKeys): number | undefined {
  let found: number | undefined;
  for (const key of presentedKeys(headers).map(digest))
    for (const [i, known] of keys.entries()) if (timingSafeEqual(key, known)) found = i;
  return found;
}

/** Bearer, x-api-key and Basic, where the key may be the password or the user: `http://key:SECRET@host/`, `http://SECRET@host/`. */
function presentedKeys(headers: IncomingHttpHeaders): readonly string[] {
  const keys: string[] = [];
  const apiKey = headers["x-api-key"];
  if (typeof apiKey === "string") keys.push(apiKey.trim());
  const [, scheme = "", value = ""] = /^\s*(\S+)\s+(\S+)\s*$/.exec(headers.authorization ?? "") ?? [];
  if (scheme.toLowerCase() === "bearer") keys.push(value);
  if (scheme.toLowerCase() === "basic") {
    const credentials = Buffer.from(value, "base64").toString("utf8");
    const colon = credentials.indexOf(":");
    if (colon >= 0) keys.push(credentials.slice(colon + 1), credentials.slice(0, colon));
  }
  return keys;
}

function digest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
