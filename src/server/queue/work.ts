/** Between requests and the scoring process: hands over what is next, settles what comes back. */
import type { CheckedItem } from "../../prompt/items.ts";
import { workerLayout } from "../../scoring/backend-defaults.ts";
import type { BackendState, PendingScore, ScoreRules, ScoringBackend, ServedModel, ServedScore } from "../contract.ts";
import type { ItemRecord } from "../metrics.ts";
import { ENDING, RequestError, unavailable } from "../request-error.ts";
import { ScoringUnavailable } from "../scoring-unavailable.ts";
import { type QueueEntry, type QueueLimits, WorkQueue } from "./work-queue.ts";

/** An item after its checks, and how messages name it. */
export interface WorkItem {
  readonly item: CheckedItem;
  readonly name: string;
}

/** The items of one request. */
export interface WorkOrder {
  readonly items: readonly WorkItem[];
  readonly rules: ScoreRules;
  /** Who asks: a key, an address. Clients share the model equally. */
  readonly client: string;
  /** Connections of a client share equally what the client has. */
  readonly connection: string;
  /** Takes back what was not scored yet. */
  readonly signal: AbortSignal;
  /** What its clients recover from when the queue is full. */
  readonly overloadStatus: 429 | 503;
}

/** Told what becomes of each item. */
export interface WorkObserver {
  scored(record: ItemRecord): void;
  notScored(outcome: "failed" | "unavailable" | "cancelled"): void;
}

interface Job extends WorkItem {
  readonly rules: ScoreRules;
  /** Of the backend when the request came: an answer has scores of one model. */
  readonly generation: number;
  readonly arrived: number;
  started: number;
  pending: PendingScore | undefined;
  readonly resolve: (score: ServedScore) => void;
  readonly reject: (reason: unknown) => void;
}

type Entry = QueueEntry<Job>;

/** A client that is told to come back comes after this many seconds at most. */
const MAX_RETRY_SECONDS = 60;
/** Of one packed batch; two keep a graphics processor busy. */
const PACKED_TOKENS = 4096;

export class Work {
  readonly #backend: ScoringBackend;
  readonly #queue: WorkQueue<Job>;
  readonly #observer: WorkObserver | undefined;
  readonly #inFlight = new Set<Entry>();
  #model: ServedModel | undefined;
  #pumping = false;
  readonly #early = new Set<() => void>();
  readonly #limits: QueueLimits;

  constructor(backend: ScoringBackend, limits: QueueLimits, observer?: WorkObserver) {
    this.#backend = backend;
    this.#limits = limits;
    this.#queue = new WorkQueue(limits);
    this.#observer = observer;
    backend.onStateChange(() => this.#follow());
    this.#follow();
  }

  /** Items that wait here, and their tokens, estimated. */
  get waiting(): { readonly items: number; readonly tokens: number } {
    return this.#queue.waiting;
  }

  /** Items in the scoring process. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Requests that cannot be read before the model is loaded: they are not in the queue yet. */
  get early(): number {
    return this.#early.size;
  }

  /**
   * @returns a promise for each item, in order; those of a withdrawn order reject with the signal's reason
   * @throws RequestError when the queue is full
   */
  submit(order: WorkOrder): readonly Promise<ServedScore>[] {
    const { signal } = order;
    signal.throwIfAborted();
    this.#refuseUnavailable();
    if (order.items.length === 0) return [];
    if (this.#queue.isFull) throw this.#overloaded(order.overloadStatus);
    const arrived = performance.now();
    const { generation } = this.#backend;
    const promises: Promise<ServedScore>[] = [];
    const items = order.items.map(({ item, name }) => {
      let settle: Pick<Job, "resolve" | "reject"> | undefined;
      const promise = new Promise<ServedScore>((resolve, reject) => {
        settle = { resolve, reject };
      });
      // Whoever waits for several learns of the first that fails.
      promise.catch(() => {});
      promises.push(promise);
      const { resolve, reject } = settle as Pick<Job, "resolve" | "reject">;
      const { rules } = order;
      const payload: Job = { item, name, rules, generation, arrived, started: 0, pending: undefined, resolve, reject };
      return { item, payload };
    });
    const entries = this.#queue.add({ client: order.client, connection: order.connection, items });
    const onAbort = () => this.#withdraw(entries, signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    void Promise.allSettled(promises).then(() => signal.removeEventListener("abort", onAbort));
    this.#pumpSoon();
    return promises;
  }

  /**
   * The model, as soon as it was loaded once.
   *
   * @throws RequestError when it cannot be loaded, or when as many wait for it as the queue has room for; the signal's reason
   */
  async whenLoaded(signal: AbortSignal, overloadStatus: 429 | 503): Promise<ServedModel> {
    while (this.#backend.model === undefined) {
      this.#refuseUnavailable();
      if (this.#early.size >= this.#limits.maxItems) throw this.#overloaded(overloadStatus);
      await this.#changed(signal);
      signal.throwIfAborted();
    }
    return this.#backend.model;
  }

  async #changed(signal: AbortSignal): Promise<void> {
    let wake = () => {};
    await new Promise<void>((resolve) => {
      wake = resolve;
      this.#early.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
    this.#early.delete(wake);
    signal.removeEventListener("abort", wake);
  }

  #refuseUnavailable(): void {
    const reason = hopelessReason(this.#backend.state);
    if (reason !== undefined) throw unavailable(reason);
  }

  #overloaded(status: 429 | 503): RequestError {
    const { items, tokens } = this.#queue.waiting;
    const { rate } = this.#queue.window;
    const seconds = rate === undefined ? 1 : Math.ceil(tokens / 4 / rate);
    const message = `The queue is full: ${items} items with about ${tokens} tokens wait. Try again later.`;
    const retryAfter = Math.min(MAX_RETRY_SECONDS, Math.max(1, seconds));
    return new RequestError(status, "ERR_OVERLOADED", message, { retryAfter });
  }

  #withdraw(entries: readonly Entry[], reason: unknown): void {
    for (const _ of this.#queue.cancel(entries)) this.#observer?.notScored("cancelled");
    for (const { payload } of entries) {
      payload.pending?.cancel();
      payload.reject(reason);
    }
    for (const entry of entries) if (this.#inFlight.has(entry)) this.#finish(entry, "cancelled");
  }

  /** All requests of this turn of the event loop: those that begin alike meet. */
  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#backend.state.status === "ready") {
      const entries = this.#queue.take(performance.now());
      if (entries.length === 0) return;
      for (const entry of entries) this.#score(entry);
    }
  }

  #score(entry: Entry): void {
    const { payload: job } = entry;
    job.started = performance.now();
    this.#inFlight.add(entry);
    const { item, name, rules, generation } = job;
    job.pending = this.#backend.score(item, { ...rules, name, generation });
    job.pending.promise.then(
      (score) => this.#scored(entry, score),
      (error: unknown) => {
        if (!this.#inFlight.has(entry)) return;
        this.#finish(entry, error instanceof ScoringUnavailable ? "unavailable" : "failed");
        job.reject(error);
      },
    );
  }

  #scored(entry: Entry, score: ServedScore): void {
    if (!this.#inFlight.delete(entry)) return;
    const now = performance.now();
    const { payload: job } = entry;
    this.#queue.finish(entry, now, true, score.truncated ? undefined : score.tokenCount);
    this.#observer?.scored({
      queueSeconds: (job.started - job.arrived) / 1000,
      computeSeconds: (now - job.started) / 1000,
      tokenCount: score.tokenCount,
      truncated: score.truncated,
    });
    job.resolve(score);
    this.#pumpSoon();
  }

  #finish(entry: Entry, outcome: "failed" | "unavailable" | "cancelled"): void {
    this.#inFlight.delete(entry);
    this.#queue.finish(entry, performance.now(), false);
    this.#observer?.notScored(outcome);
    this.#pumpSoon();
  }

  #follow(): void {
    const { state, model } = this.#backend;
    for (const wake of this.#early) wake();
    if (model !== undefined && model !== this.#model) this.#adapt(model);
    if (state.status === "ready") this.#pumpSoon();
    const reason = hopelessReason(state);
    if (reason !== undefined) this.#rejectAll(reason);
  }

  /** What keeps a model busy depends on how it runs. */
  #adapt(model: ServedModel): void {
    this.#model = model;
    const { batchMode, threads, parameters, contextTokens } = model.info;
    const isPacked = batchMode === "packed";
    const { contextWorkers } = workerLayout(parameters, threads, isPacked ? "packed" : "exact");
    this.#queue.window.limits = { lanes: contextWorkers, minItems: 2, minTokens: isPacked ? PACKED_TOKENS : 0 };
    this.#queue.estimate.maxTokens = contextTokens;
  }

  #rejectAll(reason: string): void {
    const waiting = this.#queue.all();
    this.#queue.cancel(waiting);
    for (const { payload } of waiting) {
      this.#observer?.notScored("unavailable");
      payload.reject(new ScoringUnavailable(reason));
    }
  }
}

/** Why nothing that waits will be scored soon; undefined where it is worth waiting. */
function hopelessReason(state: BackendState): string | undefined {
  switch (state.status) {
    case "failed":
      return state.error.message;
    case "closed":
      return ENDING;
    case "restarting":
      return state.isHopeless ? state.reason : undefined;
    default:
      return undefined;
  }
}
