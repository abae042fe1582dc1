/**
 * The scoring process: loads a model, and scores items as they come. Its parent starts it with fork() (child-connection.ts), and
 * it ends when the channel to the parent closes, whatever ended the parent.
 */
import { endProcess } from "../../end-process.ts";
import { loadRewardModel } from "../../scoring/load-reward-model.ts";
import { tokenCountsOf } from "../../scoring/reward-model.ts";
import { identityOf } from "./compare-heads.ts";
import {
  type FromChild,
  NO_TOKENS,
  type Outcome,
  type SentItem,
  sentError,
  type ToChild,
  unpackItem,
} from "./messages.ts";
import { Scorer } from "./scorer.ts";

/** The parent decides when this process ends: a terminal's Ctrl-C or a service manager's signal is also sent to the parent. */
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
// Without waiting for threads that load or compute.
process.on("disconnect", () => void endProcess(0, "SIGKILL"));
process.title = "starling-rm scoring";

let scorer: Scorer | undefined;
const running = new Map<number, AbortController>();
let outcomes: Outcome[] = [];

function send(message: FromChild): void {
  // Without a parent this process is about to end.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

async function load({ setup }: Extract<ToChild, { readonly type: "load" }>): Promise<void> {
  try {
    const model = await loadRewardModel({
      ...setup.load,
      onProgress: (progress) => send({ type: "progress", progress }),
    });
    scorer = await Scorer.of(model, { ...setup, foreignHead: setup.load.foreignHead });
    send({ type: "loaded", model: scorer.served, identity: identityOf(model, scorer.heads) });
  } catch (error) {
    send({ type: "failed", error: sentError(error) });
  }
}

async function score({ id, item, rules }: SentItem): Promise<void> {
  const stop = new AbortController();
  running.set(id, stop);
  try {
    if (scorer === undefined) throw new Error("no model is loaded");
    settle({ id, result: await scorer.score(unpackItem(item), rules, stop.signal) });
  } catch (error) {
    settle({ id, error: sentError(error) });
  }
}

/** What is done at the same time goes in one message. */
function settle(outcome: Outcome): void {
  running.delete(outcome.id);
  if (outcomes.push(outcome) > 1) return;
  setImmediate(() => {
    const done = outcomes;
    outcomes = [];
    send({ type: "done", outcomes: done, tokens: scorer ? tokenCountsOf(scorer.model) : NO_TOKENS });
  });
}

process.on("message", (message: ToChild) => {
  if (message.type === "load") void load(message);
  else if (message.type === "ping") send({ type: "pong" });
  else {
    for (const item of message.items) void score(item);
    for (const id of message.cancelled) running.get(id)?.abort(new Error("cancelled"));
  }
});
send({ type: "started" });
