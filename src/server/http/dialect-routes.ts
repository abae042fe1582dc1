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

export function registerDialects(context: ServerContext, dialects: readonly Dialect[]): void {
  const rawText = rawTextReader(context.options.rawText);
  for (const [path, atPath] of dialectsByPath(dialects)) {
    // Errors from before the body is known have the shape of the path's last.
    const usual = atPath.at(-1) as Dialect;
    context.app.post(path, { config: { dialect: usual } }, async (request, reply) => {
      if (request.body === undefined) throw emptyBody();
      const dialect = chooseDialect(atPath, request.body);
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
