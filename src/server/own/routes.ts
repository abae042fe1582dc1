/** The own interface over HTTP: /v1/score and /v1/rank, at once or line by line. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { ScoreDirection } from "../../reward-head.ts";
import type { ServedScore } from "../contract.ts";
import { sendJson } from "../http/answers.ts";
import { emptyBody } from "../http/body.ts";
import type { OwnRoute, OwnRoutes } from "../http/dialect-routes.ts";
import { exchangeOf } from "../http/exchange.ts";
import { LineWriter, wantsLines } from "../http/ndjson.ts";
import { allResults, submit } from "../http/scoring.ts";
import { Disconnected } from "../request-error.ts";
import { ScoringUnavailable } from "../scoring-unavailable.ts";
import type { ServerContext } from "../server-context.ts";
import { type RankCall, rankedLine, ranking, readRankCall } from "./rank.ts";
import { errorFields, type ItemOutcome, isScoreCall, readScoreCall, rowResult, type ScoreCall } from "./score.ts";

/** Its clients are programs that wait and try again. */
const OVERLOAD_STATUS = 503;

/**
 * Registers the routes that are its own.
 *
 * @returns those that it shares with other wire formats
 */
export function registerOwnInterface(context: ServerContext): OwnRoutes {
  const { app } = context;
  app.post("/v1/rank", async (request, reply) => {
    exchangeOf(request).dialectName = "rank";
    if (request.body === undefined) throw emptyBody();
    return rank(context, readRankCall(request.body), request, reply);
  });
  const answerScore: OwnRoute["answer"] = async (request, reply) => {
    exchangeOf(request).dialectName = "score";
    return score(context, readScoreCall(request.body), request, reply);
  };
  return new Map([["/v1/score", { isOwn: isScoreCall, answer: answerScore }]]);
}

async function score(context: ServerContext, { rows, rules }: ScoreCall, request: FastifyRequest, reply: FastifyReply) {
  const items = rows.flatMap((row) => row.items);
  const promises = submit(context, request, items, rules, OVERLOAD_STATUS);
  const inLines = wantsLines(request);
  const outcomeOf = inLines ? anyOutcome : ownOutcome;
  const finished: Promise<object>[] = [];
  let first = 0;
  for (const [index, row] of rows.entries()) {
    const own = promises.slice(first, first + row.items.length).map(outcomeOf);
    first += row.items.length;
    finished.push(Promise.all(own).then((outcomes) => rowResult(index, row, outcomes, directionIn(context))));
  }
  if (!inLines) {
    const results = await allResults(request, finished);
    // The whole request ran out of time, or the server is ending: that is no answer about its rows.
    exchangeOf(request).signal.throwIfAborted();
    return sendJson(reply, { model: context.backend.model?.name, ...saidDirection(context), results });
  }
  const writer = new LineWriter(request, reply);
  await writeAll(writer, finished);
  return reply;
}

/** Only a served model has scores. */
function directionIn({ backend }: ServerContext): ScoreDirection {
  return backend.model?.info.direction ?? "higher";
}

/** Higher is what clients expect. */
function saidDirection(context: ServerContext): { direction?: ScoreDirection } {
  const direction = directionIn(context);
  return direction === "lower" ? { direction } : {};
}

const anyOutcome = (promise: Promise<ServedScore>): Promise<ItemOutcome> =>
  promise.catch((error: unknown) => ({ error }));

/** That the model cannot score now is no answer about an item: it is one to the request, with 503. */
const ownOutcome = (promise: Promise<ServedScore>): Promise<ItemOutcome> =>
  promise.catch((error: unknown) => {
    if (error instanceof ScoringUnavailable) throw error;
    return { error };
  });

/** Each line as soon as it is known, then the last one. */
async function writeAll(
  writer: LineWriter,
  finished: readonly Promise<object>[],
  last?: () => Promise<object>,
): Promise<void> {
  const ready: object[] = [];
  let wake: (() => void) | undefined;
  for (const promise of finished) {
    void promise.then((line) => {
      ready.push(line);
      wake?.();
    });
  }
  try {
    for (let written = 0; written < finished.length; written += 1) {
      if (ready.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      await writer.write(ready.shift() as object);
    }
    if (last !== undefined) await writer.write(await last());
  } catch (error) {
    if (!(error instanceof Disconnected)) throw error;
  } finally {
    writer.end();
  }
}

async function rank(context: ServerContext, call: RankCall, request: FastifyRequest, reply: FastifyReply) {
  const promises = submit(context, request, call.items, call.rules, OVERLOAD_STATUS);
  const answer = async () => {
    const results = await allResults(request, promises);
    return {
      model: context.backend.model?.name,
      ...saidDirection(context),
      ranking: ranking(call, results, directionIn(context)),
    };
  };
  if (!wantsLines(request)) return sendJson(reply, await answer());
  const writer = new LineWriter(request, reply);
  const lines = promises.map((promise, index) =>
    promise.then(
      (result) => rankedLine(index, result),
      (error: unknown) => ({ index, error: errorFields(error) }),
    ),
  );
  await writeAll(writer, lines, () => answer().catch((error: unknown) => ({ error: errorFields(error) })));
  return reply;
}
