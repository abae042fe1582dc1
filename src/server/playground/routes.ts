/** The page at `/`, and what only the page asks for. */
import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyReply } from "fastify";
import { Type } from "typebox";
import { InvalidInputError, isStarlingError } from "../../errors.ts";
import type { FieldMapping } from "../../prompt/field-map.ts";
import { checkTurnList, refuseLastTurn } from "../../prompt/messages.ts";
import { checkBody } from "../check-body.ts";
import { type CandidateSource, completionsUrl } from "./completions.ts";
import { drawCandidates } from "./draw.ts";
import { goneSignal, sendLines } from "./ndjson.ts";
import { type PageFiles, readPageFiles } from "./page-files.ts";
import { UploadTooLarge, uploadedRows } from "./rows.ts";

export interface PlaygroundOptions {
  /** Where candidates are drawn from. Default: nowhere, and the page does not offer it. */
  readonly candidates?: CandidateSource | undefined;
  /** Largest file that the page takes, in bytes. Default: 256 MiB. */
  readonly maxFileBytes?: number | undefined;
  /** Folder of the bundled page. Default: the package's. */
  readonly folder?: string | undefined;
}

/** What the page asks for first. */
export interface PlaygroundSettings {
  readonly maxFileBytes: number;
  /** Null: candidates cannot be drawn. */
  readonly candidates: { readonly host: string; readonly model: string | null; readonly maxCount: number } | null;
}

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

/** Registers the routes. @throws NativeError where the page was not built, EndpointError for a wrong URL */
export async function playground(server: FastifyInstance, options: PlaygroundOptions = {}): Promise<void> {
  const { candidates, maxFileBytes = MAX_FILE_BYTES } = options;
  const files = await readPageFiles(options.folder);
  const settings: PlaygroundSettings = {
    maxFileBytes,
    candidates:
      candidates === undefined
        ? null
        : { host: completionsUrl(candidates.url).host, model: candidates.model ?? null, maxCount: MAX_CANDIDATES },
  };
  addPage(server, files);
  server.get("/playground/settings", async (_, reply) => reply.header("cache-control", "no-store").send(settings));
  addUpload(server, maxFileBytes);
  if (candidates !== undefined) addCandidates(server, candidates);
}

function addPage(server: FastifyInstance, { html, assets }: PageFiles): void {
  const etag = `"${createHash("sha256").update(html).digest("base64url").slice(0, 22)}"`;
  server.get("/", async (request, reply) => {
    reply.headers({ ...HEADERS, etag, "cache-control": "no-cache" });
    if (request.headers["if-none-match"] === etag) return reply.code(304).send();
    return reply.type("text/html; charset=utf-8").send(html);
  });
  server.get<{ Params: { name: string } }>("/playground/assets/:name", async (request, reply) => {
    const file = assets.get(request.params.name);
    if (file === undefined) return reply.callNotFound();
    reply.headers({ ...HEADERS, "cache-control": "public, max-age=31536000, immutable" });
    return reply.type(file.type).send(file.content);
  });
}

function addUpload(server: FastifyInstance, maxBytes: number): void {
  server.register(async (scope) => {
    // The body is read as it comes, and counted: it may be larger than any other request's.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_, payload, done) => done(null, payload));
    scope.post<{ Querystring: { name?: string; fields?: string } }>(
      "/playground/rows",
      { bodyLimit: Number.MAX_SAFE_INTEGER },
      async (request, reply) => {
        const { name = "the file", fields } = request.query;
        const shown = name.slice(-MAX_NAME_CHARACTERS);
        if (Number(request.headers["content-length"] ?? 0) > maxBytes)
          return refuse(reply, 413, new UploadTooLarge(shown, maxBytes));
        try {
          const rules = { mapping: mappingOf(fields), maxBytes, maxItems: MAX_ITEMS, signal: goneSignal(reply) };
          const lines = uploadedRows(request.body as AsyncIterable<Uint8Array>, shown, rules);
          const first = await lines.next();
          return await sendLines(reply, first.done ? lines : joined(first.value, lines));
        } catch (error) {
          return refuse(reply, error instanceof UploadTooLarge ? 413 : 400, error);
        }
      },
    );
  });
}

async function* joined<T>(first: T, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
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

function addCandidates(server: FastifyInstance, source: CandidateSource): void {
  server.post<{ Body: Type.Static<typeof DrawBody> }>("/playground/candidates", async (request, reply) => {
    try {
      checkBody(DrawBody, request.body);
      const { count, temperature, maxTokens } = request.body;
      const messages = checkTurnList(request.body.messages, "messages", {});
      refuseLastTurn(messages, "messages", "user");
      const sampling = { temperature, maxTokens };
      return await sendLines(reply, drawCandidates(source, messages, count, sampling, goneSignal(reply)));
    } catch (error) {
      return refuse(reply, 400, error);
    }
  });
}

function refuse(reply: FastifyReply, status: number, error: unknown): FastifyReply {
  if (!isStarlingError(error)) throw error;
  return reply.code(status).send({ error: error.toJSON() });
}
