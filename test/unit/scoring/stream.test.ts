import { describe, expect, it } from "vitest";
import type { CancellableJob, NativeModel, NativeTokenizer, Vocabulary } from "../../../src/native/addon.ts";
import { openTemplate } from "../../../src/prompt/templates.ts";
import { RewardTokenizer } from "../../../src/scoring/reward-tokenizer.ts";
import { type StreamContext, scoreStream } from "../../../src/scoring/stream.ts";
import type { ScoreOutcome } from "../../../src/scoring/types.ts";

/** Without added tokens and without a wrapper: no text is warned about. */
const noTokens = {
  bytes: new Uint8Array(),
  offsets: new Uint32Array(1),
  before: new Int32Array(),
  after: new Int32Array(),
  addedTokens: new Int32Array(),
  padTokenId: -1,
} as unknown as Vocabulary;

/** A tokenizer that gives one id per character, and a model whose score is the sum of the ids. */
function fakes(options: { contextTokens?: number; delay?: number } = {}) {
  const log = { lengths: [] as number[], calls: [] as number[], running: 0, maxQueued: 0, cancelled: 0 };
  const tokenizer: NativeTokenizer = {
    vocabularySize: 1000,
    encode: async (texts, { maxTokens }) =>
      texts.map((parts) => {
        const all = Int32Array.from([...parts.join("")].map((c) => (c === "0" ? 0 : (c.codePointAt(0) ?? 0))));
        const ids = all.slice(-maxTokens);
        return { ids, totalTokens: all.length, firstPad: ids.indexOf(0), lastNonPad: ids.length - 1, promptTokens: 0 };
      }),
  };
  let tail: Promise<unknown> = Promise.resolve();
  const start = (sequence: Int32Array): CancellableJob<number> => {
    log.lengths.push(sequence.length);
    log.running += 1;
    log.maxQueued = Math.max(log.maxQueued, log.running);
    let cancelled = false;
    const score = sequence.reduce((sum, id) => sum + id, 0);
    const promise = tail.then(async () => {
      if (options.delay !== undefined) await new Promise((resolve) => setTimeout(resolve, options.delay));
      log.running -= 1;
      if (cancelled) throw Object.assign(new Error("aborted"), { code: "ABORTED" });
      return score;
    });
    tail = promise.catch(() => {});
    return {
      promise,
      cancel: () => {
        cancelled = true;
        log.cancelled += 1;
      },
    };
  };
  const native = {
    info: { contextTokens: options.contextTokens ?? 100 },
    scoreEach(sequences: readonly Int32Array[]): CancellableJob<number>[] {
      log.calls.push(sequences.length);
      return sequences.map((sequence) => start(sequence));
    },
  } as unknown as NativeModel;
  const context: StreamContext = {
    native,
    tokenizer: new RewardTokenizer(
      tokenizer,
      noTokens,
      {
        template: "yi-chat",
        tokenization: "slow",
        specialTokens: "plain",
        maxTokens: 50,
        truncationSide: "left",
        scorePosition: "before-first-pad",
        wrapper: "none",
      },
      openTemplate("yi-chat"),
    ),
    assertUnchanged: async () => {},
  };
  return { context, log };
}

async function collect(stream: AsyncIterable<ScoreOutcome>): Promise<ScoreOutcome[]> {
  const outcomes: ScoreOutcome[] = [];
  for await (const outcome of stream) outcomes.push(outcome);
  return outcomes;
}

const letters = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ text: String.fromCodePoint(97 + (i % 26)) }));

describe("scoreStream", () => {
  it("gives outcomes in order, one for each item", async () => {
    const { context } = fakes();
    const outcomes = await collect(scoreStream(letters(300), context, {}));
    expect(outcomes.map(({ index }) => index)).toEqual(Array.from({ length: 300 }, (_, i) => i));
    expect(outcomes.map((outcome) => ("score" in outcome ? outcome.score : NaN))).toEqual(
      letters(300).map(({ text }) => text.codePointAt(0)),
    );
  });

  it("reads the score before the first padding id of a raw text, and evaluates nothing after it", async () => {
    const { context, log } = fakes();
    const [outcome] = await collect(scoreStream([{ text: "ab0cd" }], context, {}));
    expect(outcome).toEqual({ index: 0, score: 97 + 98, tokenCount: 5, truncated: false, scorePosition: 1 });
    expect(log.lengths).toEqual([2]);
  });

  it("does not let content in a template end what counts", async () => {
    const { context } = fakes();
    const [outcome] = await collect(scoreStream([{ prompt: "", response: "0" }], context, {}));
    expect(outcome).toMatchObject({ tokenCount: 50, scorePosition: 49, truncated: true });
  });

  it("keeps the last tokens of a long text", async () => {
    const { context } = fakes();
    const [outcome] = await collect(scoreStream([{ text: `${"x".repeat(60)}y` }], context, {}));
    expect(outcome).toMatchObject({ tokenCount: 50, truncated: true, score: 49 * 120 + 121 });
  });

  it("answers an item that cannot be scored with its error, in its place", async () => {
    const { context } = fakes({ contextTokens: 3 });
    const items = [
      { text: "a" },
      { text: "0a" },
      { text: "b" },
      { wrong: 1 },
      { text: "" },
      { text: "toolong" },
      { text: "c" },
    ];
    const outcomes = await collect(scoreStream(items, context, { nameItem: (i) => `line ${i + 1}` }));
    expect(outcomes.map((outcome) => ("error" in outcome ? outcome.error.code : outcome.score))).toEqual([
      97,
      "ERR_NO_SCORE_POSITION",
      98,
      "ERR_INVALID_ITEM",
      "ERR_EMPTY_TEXT",
      "ERR_CONTEXT_TOO_SMALL",
      99,
    ]);
    const messages = outcomes.flatMap((outcome) => ("error" in outcome ? [outcome.error.message] : []));
    expect(messages[0]).toMatch(/^line 2 begins with the padding token/);
    expect(messages[3]).toMatch(/^line 6 has 7 tokens, but the model was loaded with a context of 3/);
  });

  it("hands over in one call what is at hand at once, so that it can be planned together", async () => {
    const { context, log } = fakes();
    await collect(scoreStream(letters(20), context, {}));
    expect(log.calls).toEqual([20]);
  });

  it("yields a score while the source waits for its next item, and contains a bounded number of items", async () => {
    const { context, log } = fakes();
    let asked = 0;
    let release: () => void = () => {};
    async function* source() {
      for (let i = 0; ; i++) {
        asked += 1;
        if (i === 1) await new Promise<void>((resolve) => (release = resolve));
        // Equal items would be computed once.
        yield { text: String.fromCodePoint(256 + i) };
      }
    }
    const stream = scoreStream(source(), context, {});
    expect((await stream.next()).value).toMatchObject({ index: 0 });
    release();
    for (let i = 0; i < 20; i++) await stream.next();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toBeLessThan(600);
    expect(log.maxQueued).toBeLessThan(600);
    await stream.return(undefined);
  });

  it("stops with the signal's reason, cancels what is queued, and lets go of the source", async () => {
    const { context, log } = fakes({ delay: 5 });
    const controller = new AbortController();
    let returned = false;
    async function* source() {
      try {
        for (let i = 0; ; i++) yield { text: "a".repeat(1 + (i % 90)) };
      } finally {
        returned = true;
      }
    }
    const reason = new Error("enough");
    const stream = scoreStream(source(), context, { signal: controller.signal });
    await stream.next();
    controller.abort(reason);
    await expect(collect(stream)).rejects.toBe(reason);
    expect(log.cancelled).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(returned).toBe(true);
    await expect(collect(scoreStream([], context, { signal: controller.signal }))).rejects.toBe(reason);
  });

  it("passes on what the source throws, after what came before it", async () => {
    const { context } = fakes();
    async function* source() {
      yield { text: "a" };
      throw new Error("disk gone");
    }
    const seen: ScoreOutcome[] = [];
    await expect(
      (async () => {
        for await (const outcome of scoreStream(source(), context, {})) seen.push(outcome);
      })(),
    ).rejects.toThrow("disk gone");
    expect(seen).toHaveLength(1);
  });

  it("reports progress as items finish", async () => {
    const { context } = fakes();
    const seen: number[] = [];
    await collect(scoreStream(letters(5), context, { onProgress: ({ itemsDone }) => seen.push(itemsDone) }));
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });
});
