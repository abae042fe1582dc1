/**
 * Renders conversations with a model file's own chat template in a process of its own. A template is a program that came
 * with the file: it may run forever or fill memory, and a thread cannot be stopped from that (V8 ends the whole process
 * when memory runs out).
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { packageRoot } from "../package-info.ts";
import type { RenderOutcome, RenderRequest, TemplateSetup } from "../prompt/chat-template.ts";
import { outsideArchive } from "./package-folder.ts";
import { ChildFailure, TemplateChild } from "./template-child.ts";

/** To be raised with each change in what native/child-process/template-engine.cjs writes: scores that were kept are then computed again. */
export const RENDERING_VERSION = 3;

/** A conversation takes 0.1 ms. The limits are for templates that do not end, and hold on a machine that is busy. */
const BATCH_LIMIT_MS = 5_000;
/** More time for each million characters, which take 0.1 s. */
const LIMIT_MS_PER_MILLION = 1_000;
/** Characters of conversations sent in one batch; a longer one is sent separately. */
const BATCH_CHARACTERS = 1 << 20;
/** Longest conversation: more than any context takes, and copies of it fit the heap. */
const MAX_CHARACTERS = 1 << 24;
/** For some copies of the longest conversation. */
const HEAP_MEGABYTES = 512;
/**
 * What a template may write: its own text (64 KiB at most), what it puts around each message, and a message more than once.
 * Strings that double reach V8's limit of half a billion characters in thirty steps.
 */
const OUTPUT_LIMITS = { characters: 1 << 18, charactersPerMessage: 1 << 12, repeats: 4 };
const BYTES_PER_CHARACTER = 2;
/** Of an answer, for each message: numbers and V8's marks. */
const BYTES_PER_MESSAGE = 64;
/** A template that broke its limits twice in a row is rejected; otherwise 10,000 rows would wait 5 seconds each. */
const MAX_FAILURES = 2;
/** An idle process takes 40 MB. */
const IDLE_MS = 30_000;

export interface TemplateProcessOptions {
  /** For tests: see BATCH_LIMIT_MS. */
  readonly limitMs?: number;
  /** For tests: see HEAP_MEGABYTES. */
  readonly heapMegabytes?: number;
  /** For tests: another program than this process's own. */
  readonly program?: string;
}

interface Answer {
  readonly skeletons: readonly { readonly texts: readonly string[]; readonly contents: readonly number[] }[];
  readonly outcomes: readonly (
    | { readonly skeleton: number; readonly cuts: readonly number[] }
    | { readonly reason: string; readonly kind: "" | "date" | "changes" | "broken" }
  )[];
}

/** The process is started by the first conversation and may be ended at any time; the next one starts another. */
export class TemplateProcess {
  readonly #setup: TemplateSetup;
  readonly #options: TemplateProcessOptions;
  #child: TemplateChild | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** Batches wait for each other. */
  #last: Promise<void> = Promise.resolve();
  #failures = 0;
  readonly #stops = new Set<AbortController>();

  constructor(setup: TemplateSetup, options: TemplateProcessOptions = {}) {
    this.#setup = setup;
    this.#options = options;
  }

  /**
   * Renders conversations, in order.
   *
   * @param signal ends the work; the promise rejects with its reason
   */
  async render(requests: readonly RenderRequest[], signal?: AbortSignal): Promise<RenderOutcome[]> {
    signal?.throwIfAborted();
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#stops.add(stop);
    const before = this.#last;
    let done = () => {};
    const turn = new Promise<void>((resolve) => {
      done = resolve;
    });
    this.#last = before.then(() => turn);
    try {
      await unlessAborted(before, stop.signal);
      const outcomes: RenderOutcome[] = [];
      for (const batch of batches(requests)) outcomes.push(...(await this.#renderBatch(batch, stop.signal)));
      return outcomes;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#stops.delete(stop);
      done();
    }
  }

  /** Ends the process; calls that wait reject with `reason`. A later call starts another process. */
  close(reason: unknown): void {
    for (const stop of this.#stops) stop.abort(reason);
    this.#end();
  }

  async #renderBatch(batch: readonly RenderRequest[], stop: AbortSignal): Promise<RenderOutcome[]> {
    const size = batch.reduce((sum, request) => sum + charactersOf(request), 0);
    if (size > MAX_CHARACTERS)
      return [{ reason: `it may receive at most ${MAX_CHARACTERS} characters, and these are ${size}` }];
    if (this.#failures >= MAX_FAILURES)
      return batch.map(() => ({ reason: "it was rejected after taking too much time or memory" }));
    try {
      const answer = await this.#ask(batch, size, stop);
      this.#failures = 0;
      return outcomesOf(answer);
    } catch (error) {
      stop.throwIfAborted();
      if (!(error instanceof ChildFailure)) throw error;
      if (error.kind === "limit") this.#failures += 1;
      if (batch.length === 1) return [{ reason: error.message }];
    }
    // One of them is to blame, and the others are not.
    const outcomes: RenderOutcome[] = [];
    for (const request of batch) outcomes.push(...(await this.#renderBatch([request], stop)));
    return outcomes;
  }

  async #ask(batch: readonly RenderRequest[], size: number, stop: AbortSignal): Promise<Answer> {
    stop.throwIfAborted();
    clearTimeout(this.#idle);
    const child = this.#running();
    const onAbort = () => this.#end();
    stop.addEventListener("abort", onAbort, { once: true });
    const messages = batch.reduce((sum, [roles]) => sum + roles.length, batch.length);
    const { characters, charactersPerMessage, repeats } = OUTPUT_LIMITS;
    const maxCharacters = characters * batch.length + charactersPerMessage * messages + repeats * size;
    const maxBytes = maxCharacters * BYTES_PER_CHARACTER + BYTES_PER_MESSAGE * messages;
    try {
      const limitMs = (this.#options.limitMs ?? BATCH_LIMIT_MS) + Math.floor(size / 1e6) * LIMIT_MS_PER_MILLION;
      // The process also has its own limit, in case this process is killed meanwhile.
      return (await child.ask({ conversations: batch, limitMs: 2 * limitMs }, limitMs, maxBytes)) as Answer;
    } finally {
      stop.removeEventListener("abort", onAbort);
      this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref();
    }
  }

  #running(): TemplateChild {
    if (this.#child?.alive) return this.#child;
    const root = packageRoot();
    const { source, tokens, date } = this.#setup;
    try {
      const { resolve } = createRequire(join(root, "package.json"));
      this.#child = new TemplateChild({
        script: outsideArchive(join(root, "native", "child-process", "template-process.cjs")),
        setup: { jinja: resolve("@huggingface/jinja"), source, tokens, date, limits: OUTPUT_LIMITS },
        heapMegabytes: this.#options.heapMegabytes ?? HEAP_MEGABYTES,
        // With Yarn Plug'n'Play the engine is inside an archive, which this opens.
        preload: process.versions["pnp"] === undefined ? undefined : resolve("pnpapi"),
        program: this.#options.program,
      });
      return this.#child;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ChildFailure(`its process could not be started (${reason})`, "ended");
    }
  }

  #end(): void {
    clearTimeout(this.#idle);
    this.#child?.kill();
    this.#child = undefined;
  }
}

function charactersOf([, contents]: RenderRequest): number {
  return contents.reduce((sum, { length }) => sum + length, 0);
}

function* batches(requests: readonly RenderRequest[]): Generator<RenderRequest[], void, undefined> {
  let batch: RenderRequest[] = [];
  let size = 0;
  for (const request of requests) {
    const more = charactersOf(request);
    if (batch.length > 0 && size + more > BATCH_CHARACTERS) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(request);
    size += more;
  }
  if (batch.length > 0) yield batch;
}

function outcomesOf({ skeletons, outcomes }: Answer): RenderOutcome[] {
  return outcomes.map((outcome) => {
    if ("reason" in outcome) return { reason: outcome.reason, kind: outcome.kind || undefined };
    const { texts, contents } = skeletons[outcome.skeleton] as Answer["skeletons"][number];
    const { cuts } = outcome;
    return {
      texts,
      contents: contents.map((index, i) => ({ index, start: cuts[2 * i] as number, end: cuts[2 * i + 1] as number })),
    };
  });
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
