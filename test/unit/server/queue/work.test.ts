import { expect, it } from "vitest";
import type { BackendState, ScoringBackend, ServedModel } from "../../../../src/server/contract.ts";
import { Work } from "../../../../src/server/queue/work.ts";

it("counts the requests that wait until the model is loaded", async () => {
  let changed: (state: BackendState) => void = () => {};
  const backend = {
    state: { status: "loading" } as BackendState,
    model: undefined as ServedModel | undefined,
    counters: { computedTokens: 0, reusedTokens: 0, restarts: 0 },
    generation: 0,
    onStateChange: (listener: (state: BackendState) => void) => {
      changed = listener;
    },
    score: () => {
      throw new Error("Nothing is to be scored.");
    },
    close: async () => {},
  };
  const work = new Work(backend satisfies ScoringBackend, { maxItems: 10, maxTokens: 1000 });
  expect(work.early).toBe(0);
  const gone = new AbortController();
  const waiting = [work.whenLoaded(new AbortController().signal, 503), work.whenLoaded(gone.signal, 503)];
  expect(work.early).toBe(2);
  gone.abort(new Error("gone"));
  await expect(waiting[1]).rejects.toThrow("gone");
  expect(work.early).toBe(1);
  backend.model = { info: { batchMode: "exact", threads: 1, parameters: 1, contextTokens: 512 } } as ServedModel;
  backend.state = { status: "ready" };
  changed(backend.state);
  expect(await waiting[0]).toBe(backend.model);
  expect(work.early).toBe(0);
});
