/** Items of a request on their way to scores, and back. */
import type { FastifyRequest } from "fastify";
import { checkItem } from "../../prompt/items.ts";
import type { NamedItem, ScoreRules, ServedScore } from "../contract.ts";
import type { WorkItem } from "../queue/work.ts";
import { RequestError } from "../request-error.ts";
import type { ServerContext } from "../server-context.ts";
import { clientOf } from "./client.ts";
import { exchangeOf } from "./exchange.ts";

/**
 * @returns a promise for each item, in order
 * @throws RequestError when there are too many, or when the queue is full
 */
export function submit(
  context: ServerContext,
  request: FastifyRequest,
  items: readonly WorkItem[],
  rules: ScoreRules,
  overloadStatus: 429 | 503,
): readonly Promise<ServedScore>[] {
  const exchange = exchangeOf(request);
  const { maxItems } = context.options;
  if (items.length > maxItems) {
    const message =
      `The request has ${items.length} items, and the limit is ${maxItems}: send several requests, or start the server ` +
      "with a larger --max-items.";
    throw new RequestError(413, "ERR_TOO_MANY_ITEMS", message);
  }
  exchange.items = items.length;
  exchange.signal.throwIfAborted();
  const promises = context.work.submit({
    items,
    rules,
    ...clientOf(request, context.access),
    signal: exchange.signal,
    overloadStatus,
  });
  for (const promise of promises) {
    promise.then(
      ({ tokenCount, truncated }) => {
        exchange.tokens += tokenCount;
        if (truncated) exchange.truncated += 1;
      },
      () => {},
    );
  }
  return promises;
}

/** The checks that a scoring process would make, before anything waits. @throws InvalidInputError */
export function checkedItems(items: readonly NamedItem[], rules: ScoreRules): readonly WorkItem[] {
  return items.map(({ item, name }) => ({ item: checkItem(item, name, rules), name }));
}

/** All results, or the first error; then the rest of the request's work is cancelled. */
export async function allResults<Result>(
  request: FastifyRequest,
  promises: readonly Promise<Result>[],
): Promise<readonly Result[]> {
  try {
    return await Promise.all(promises);
  } catch (error) {
    exchangeOf(request).stop(new RequestError(400, "ERR_CANCELLED", "Another item of the request failed."));
    throw error;
  }
}
