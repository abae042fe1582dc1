/** Several candidates for one prompt, in the order in which they finish. */
import type { ChatMessage } from "../../prompt/messages.ts";
import { type CandidateSource, complete, EndpointError, type Sampling } from "./completions.ts";

/** One line of the answer. */
export type DrawnLine =
  | { readonly index: number; readonly response: string; readonly finishReason?: string }
  | { readonly index: number; readonly error: { readonly code: "ERR_CANDIDATES"; readonly message: string } };

/** Asked for at the same time: enough to keep an endpoint busy, few enough for those that limit a client. */
const PARALLEL = 8;

/** @throws the signal's reason */
export async function* drawCandidates(
  source: CandidateSource,
  messages: readonly ChatMessage[],
  count: number,
  sampling: Sampling,
  signal: AbortSignal,
): AsyncGenerator<DrawnLine> {
  const stop = new AbortController();
  const all = AbortSignal.any([signal, stop.signal]);
  const running = new Map<number, Promise<DrawnLine>>();
  const ask = async (index: number): Promise<DrawnLine> => {
    try {
      const { text, finishReason } = await complete(source, messages, sampling, all);
      return { index, response: text, ...(finishReason === undefined ? {} : { finishReason }) };
    } catch (error) {
      if (!(error instanceof EndpointError)) throw error;
      return { index, error: { code: "ERR_CANDIDATES", message: error.message } };
    }
  };
  try {
    for (let next = 0; next < count || running.size > 0; ) {
      for (; next < count && running.size < PARALLEL; next++) running.set(next, ask(next));
      const line = await Promise.race(running.values());
      running.delete(line.index);
      yield line;
    }
  } finally {
    stop.abort(new Error("No more candidates are wanted."));
    await Promise.allSettled(running.values());
  }
}
