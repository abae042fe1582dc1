/** The page at `/`, and what only the page asks for. */
import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { InvalidInputError } from "../../errors.ts";
import type { FieldMapping } from "../../prompt/field-map.ts";
import { checkTurnList, refuseLastTurn } from "../../prompt/messages.ts";
import { checkBody } from "../check-body.ts";
import { sendJson } from "../http/answers.ts";
import { exchangeOf } from "../http/exchange.ts";
import { LineWriter } from "../http/ndjson.ts";
import { errorFields } from "../own/score.ts";
import { RequestError } from "../request-error.ts";
import type { ServerContext } from "../server-context.ts";
import { type CandidateSource, completionsUrl } from "./completions.ts";
import { drawCandidates } from "./draw.ts";
import { type PageFiles, readPageFiles } from "./page-files.ts";
import { tooLarge, uploadedRows } from "./rows.ts";

/** What the page asks for first. */
export interface PlaygroundSettings {
  /** Of a file that is dropped on the page. */
  readonly maxFileBytes: number;
  /** Null: candidates cannot be drawn. */
  readonly candidates: { readonly host: string; readonly model: string | null; readonly maxCount: number } | null;
}

/** Far more than a browser shows, and it is on the disk only while it is read. */
const MAX_FILE_BYTES = 256 * 2 ** 20;
/** Above that a browser becomes slow, and nobody reads on. */
const MAX_ITEMS = 20_000;
const MAX_CANDIDATES = 64;
const MAX_NAME_CHARACTERS = 200;

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types lit-html",
].join("; ");

const HEADERS = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};

const DrawBody = Type.Object({
  messages: Type.Array(Type.Object({ role: Type.String(), content: Type.String() })),
  count: Type.Integer({ minimum: 1, maximum: MAX_CANDIDATES }),
  temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2 })),
  maxTokens: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_536 })),
});

export function registerPlayground({ app, options }: Pick<ServerContext, "app" | "options">): void {
  const { candidates } = options;
  registerPage(app);
  app.get("/playground/settings", async (_request, reply) => {
    reply.header("cache-control", "no-store");
    return sendJson(reply, settingsOf(candidates));
  });
  registerUpload(app);
  if (candidates !== undefined) registerCandidates(app, candidates);
}

function settingsOf(source: CandidateSource | undefined): PlaygroundSettings {
  const candidates =
    source === undefined
      ? null
      : { host: completionsUrl(source.url).host, model: source.model ?? null, maxCount: MAX_CANDIDATES };
  return { maxFileBytes: MAX_FILE_BYTES, candidates };
}

function registerPage(app: FastifyInstance): void {
  let reading: Promise<PageFiles> | undefined;
  // Read once, and again after a failure: a build may have been missing.
  const files = async () => {
    reading ??= readPageFiles();
    return reading.catch((error: unknown) => {
      reading = undefined;
      throw error;
    });
  };
  app.get("/", async (request, reply) => {
    const { html } = await files();
    const etag = `"${createHash("sha256").update(html).digest("base64url")}"`;
    reply.headers({ ...HEADERS, etag, "cache-control": "no-cache" });
    if (request.headers["if-none-match"] === etag) return reply.code(304).send();
    return reply.type("text/html; charset=utf-8").send(html);
  });
  app.get<{ Params: { name: string } }>("/playground/assets/:name", async (request, reply) => {
    const { assets } = await files();
    const file = assets.get(request.params.name);
    if (file === undefined) return reply.callNotFound();
    reply.headers({ ...HEADERS, "cache-control": "public, max-age=31536000, immutable" });
    return reply.type(file.type).send(file.content);
  });
}

interface UploadQuery {
  readonly name?: string;
  /** JSON, as readItems() takes it. */
  readonly fields?: string;
  readonly ignore?: string | readonly string[];
}

function registerUpload(app: FastifyInstance): void {
  app.register(async (scope) => {
    // The body is read as it comes, and counted: it may be larger than any other request's.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_, payload, done) => done(null, payload));
    scope.post<{ Querystring: UploadQuery }>("/playground/rows", async (request, reply) => {
      const { name: given = "the file", fields, ignore = [] } = request.query;
      const name = given.slice(-MAX_NAME_CHARACTERS);
      if (request.body === undefined) throw new RequestError(400, "ERR_INVALID_DATA", `${name} is empty: send a file.`);
      const mapping = mappingOf(fields);
      if (Number(request.headers["content-length"] ?? 0) > MAX_FILE_BYTES) throw tooLarge(name, MAX_FILE_BYTES);
      const { signal } = exchangeOf(request);
      const ignoreFields = [ignore].flat();
      const rules = { mapping, ignoreFields, maxBytes: MAX_FILE_BYTES, maxItems: MAX_ITEMS, signal };
      return sendLines(request, reply, uploadedRows(request.body as AsyncIterable<Uint8Array>, name, rules));
    });
  });
}

/** @throws InvalidInputError */
function mappingOf(fields: string | undefined): FieldMapping {
  if (fields === undefined || fields === "") return {};
  try {
    const value: unknown = JSON.parse(fields);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as FieldMapping;
  } catch {
    // Refused below.
  }
  throw new InvalidInputError("ERR_INVALID_ARGUMENT", 'Expected an object such as {"prompt":"question"} for fields.', {
    field: "fields",
  });
}

function registerCandidates(app: FastifyInstance, source: CandidateSource): void {
  app.post<{ Body: Static<typeof DrawBody> }>("/playground/candidates", async (request, reply) => {
    checkBody(DrawBody, request.body);
    const { messages, count, temperature, maxTokens } = request.body;
    const turns = checkTurnList(messages, "messages", {});
    refuseLastTurn(turns, "messages", "user");
    const { signal } = exchangeOf(request);
    return sendLines(request, reply, drawCandidates(source, turns, count, { temperature, maxTokens }, signal));
  });
}

/** What fails before the first line has a status; what fails later is the last line. */
async function sendLines(
  request: FastifyRequest,
  reply: FastifyReply,
  lines: AsyncGenerator<object>,
): Promise<FastifyReply> {
  try {
    let next = await lines.next();
    const writer = new LineWriter(request, reply);
    try {
      for (; !next.done; next = await lines.next()) await writer.write(next.value);
    } catch (error) {
      // Where the client is gone, nobody reads it.
      await writer.write({ error: errorFields(error) }).catch(() => {});
    }
    writer.end();
    return reply;
  } finally {
    await lines.return(undefined);
  }
}
