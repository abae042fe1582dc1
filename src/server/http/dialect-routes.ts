/** Wire formats at their paths: which of them a body is of, its items, its answer, its errors. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { checkBody } from "../check-body.ts";
import type { Dialect, DialectContext } from "../contract.ts";
import { chooseDialect, dialectsByPath } from "../dialects/index.ts";
import { rawTextReader } from "../dialects/raw-text.ts";
import type { ServerContext } from "../server-context.ts";
import { WARNINGS_HEADER, warningsHeader } from "../warnings-header.ts";
import { sendJson } from "./answers.ts";
import { emptyBody } from "./body.ts";
import { exchangeOf } from "./exchange.ts";
import { allResults, checkedItems, submit } from "./scoring.ts";

/** A route of the own interface at the path of a dialect. */
export interface OwnRoute {
  /** Whether a body is certainly its own; one that no dialect claims is its own, too. */
  readonly isOwn: (body: unknown) => boolean;
  readonly answer: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;
}

/** By path. */
export type OwnRoutes = ReadonlyMap<string, OwnRoute>;

export function registerDialects(context: ServerContext, dialects: readonly Dialect[], own: OwnRoutes): void {
  const rawText = rawTextReader(context.options.rawText);
  for (const [path, atPath] of dialectsByPath(dialects)) {
    const ownRoute = own.get(path);
    // Errors from before the body is known have the shape of the path's last.
    const usual = ownRoute === undefined ? { dialect: atPath.at(-1) as Dialect } : {};
    context.app.post(path, { config: usual }, async (request, reply) => {
      const { body } = request;
      if (body === undefined) throw emptyBody();
      const isOthers = (fields: unknown) => atPath.some(({ claims }) => claims?.(fields as never) ?? true);
      if (ownRoute !== undefined && (ownRoute.isOwn(body) || !isOthers(body))) return ownRoute.answer(request, reply);
      const dialect = chooseDialect(atPath, body);
      const exchange = exchangeOf(request);
      exchange.dialect = dialect;
      exchange.dialectName = dialect.name;
      return answer(context, dialect, rawText, request, reply);
    });
  }
}

async function answer(
  context: ServerContext,
  dialect: Dialect,
  rawText: DialectContext["rawText"],
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  checkBody(dialect.body, request.body);
  const model = await context.work.whenLoaded(exchangeOf(request).signal, dialect.overloadStatus);
  const created = Math.floor(Date.now() / 1000);
  const known = { rawText, model, requestId: request.id, created };
  const { items, rules = {}, answer: answerOf } = dialect.read(request.body as never, known);
  const checked = checkedItems(items, rules);
  const results = await allResults(request, submit(context, request, checked, rules, dialect.overloadStatus));
  const warnings = warningsHeader(results);
  if (warnings !== undefined) reply.header(WARNINGS_HEADER, warnings);
  return sendJson(reply, answerOf(results));
}
