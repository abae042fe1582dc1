/**
 * A model in a process of its own. When the process dies, another one is started; what waits is kept, and what was in flight is
 * tried once more, one item at a time.
 */
import { NativeError, reasonOf, type StarlingError } from "../../errors.ts";
import type { DownloadProgress, LoadProgress } from "../../progress.ts";
import type { ScoreItem } from "../../prompt/items.ts";
import type { BackendCounters, BackendState, PendingScore, ScoringBackend, ServedModel } from "../contract.ts";
import { ChildConnection, type ConnectionOptions, type NewsOfChild } from "./child-connection.ts";
import { ItemQueue, type QueuedRules } from "./item-queue.ts";
import { NO_TOKENS, receivedError, type ScoringSetup } from "./messages.ts";

export interface ScoringProcessOptions extends ConnectionOptions {
  /** What happened to the process, for people. */
  readonly log?: ((level: "info" | "warn" | "error", message: string) => void) | undefined;
  /** Of each load; the state has the share that is done. */
  readonly onProgress?: ((progress: DownloadProgress | LoadProgress) => void) | undefined;
  /** For tests: see HEALTHY_AFTER_MS. */
  readonly healthyAfterMs?: number | undefined;
}

/** Before the next start; doubled after each death of a process that scored nothing. */
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 30_000;
/** A process that was ready for so long is healthy: the next pause is the first one again. */
const HEALTHY_AFTER_MS = 60_000;
/** Starts that failed in a row, after which what waits is answered. */
const MAX_FAILED_STARTS = 5;

export class ScoringProcess implements ScoringBackend {
  readonly #setup: ScoringSetup;
  readonly #options: ScoringProcessOptions;
  readonly #listeners: ((state: BackendState) => void)[] = [];
  readonly #queue: ItemQueue;
  #state: BackendState = { status: "loading" };
  #model: ServedModel | undefined;
  #identity: string | undefined;
  #connection: ChildConnection | undefined;
  /** Tokens of the processes that ended, and of the one that runs. */
  #earlier = NO_TOKENS;
  #tokens = NO_TOKENS;
  #restarts = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #failedStarts = 0;
  #timer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(setup: ScoringSetup, options: ScoringProcessOptions = {}) {
    this.#setup = setup;
    this.#options = options;
    this.#queue = new ItemQueue({
      give: (item) => this.#connection?.score(item),
      cancel: (id) => this.#connection?.cancel(id),
    });
    this.#start();
  }

  get state(): BackendState {
    return this.#state;
  }

  get model(): ServedModel | undefined {
    return this.#model;
  }

  get counters(): BackendCounters {
    return {
      computedTokens: this.#earlier.computed + this.#tokens.computed,
      reusedTokens: this.#earlier.reused + this.#tokens.reused,
      restarts: this.#restarts,
    };
  }

  get generation(): number {
    return this.#queue.generation;
  }

  /** The process that runs now: for logs and tests. */
  get pid(): number | undefined {
    return this.#connection?.pid;
  }

  onStateChange(listener: (state: BackendState) => void): void {
    this.#listeners.push(listener);
  }

  score(item: ScoreItem, rules: QueuedRules): PendingScore {
    const pending = this.#queue.add(item, rules);
    if (this.#state.status === "failed") this.#queue.rejectAll(this.#state.error.message);
    if (this.#state.status === "closed") this.#queue.rejectAll("The server was closed.");
    return pending;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#enter({ status: "closed" });
    this.#queue.rejectAll("The server was closed.");
    await this.#connection?.close();
  }

  #start(): void {
    this.#tokens = NO_TOKENS;
    this.#enter({ status: "loading" });
    try {
      this.#connection = new ChildConnection(
        this.#setup,
        { onMessage: (message) => this.#receive(message), onEnd: (reason) => this.#ended(reason) },
        this.#options,
      );
    } catch (error) {
      this.#ended(`could not be started (${reasonOf(error)})`);
    }
  }

  #receive(message: NewsOfChild): void {
    if (this.#closing !== undefined) return;
    if (message.type === "progress") {
      const { progress } = message;
      this.#options.onProgress?.(progress);
      this.#enter({ status: "loading", fraction: progress.fraction, phase: progress.phase });
    } else if (message.type === "loaded") this.#loaded(message.model, message.identity);
    else if (message.type === "failed") this.#loadFailed(receivedError(message.error));
    else {
      this.#tokens = message.tokens;
      // A process that scores is not one that cannot start: whatever ends it, the next one may come soon.
      if (message.outcomes.some((outcome) => "result" in outcome)) this.#pauseMs = FIRST_PAUSE_MS;
      const changed = this.#queue.settle(message.outcomes);
      if (changed !== undefined) this.#reload(changed);
    }
  }

  #loaded(model: ServedModel, identity: string): void {
    if (this.#identity !== undefined && identity !== this.#identity) {
      this.#log("warn", "The model's file was replaced: another model is served now.");
      this.#queue.nextGeneration("The model's file was replaced while the request waited: ask again.");
    }
    this.#model = model;
    this.#identity = identity;
    this.#failedStarts = 0;
    this.#timer = setTimeout(() => {
      this.#pauseMs = FIRST_PAUSE_MS;
    }, this.#options.healthyAfterMs ?? HEALTHY_AFTER_MS).unref();
    this.#log("info", `${model.name} is loaded (process ${this.pid}).`);
    this.#enter({ status: "ready" });
    this.#queue.open();
  }

  #loadFailed(error: StarlingError): void {
    if (this.#model === undefined) this.#fail(error);
    else this.#connection?.kill(`could not load the model again: ${error.message.replace(/\.$/, "")}`);
  }

  /** The first load: what is wrong will be wrong the next time. */
  #fail(error: StarlingError): void {
    this.#enter({ status: "failed", error });
    this.#queue.rejectAll(error.message);
    void this.#connection?.close();
  }

  /** The file of the loaded model is another one now: what is scored would be mixed with scores of the new one. */
  #reload(reason: string): void {
    this.#queue.rejectAll(`${reason} The server does so now: ask again.`);
    this.#queue.interrupt(reason);
    // What comes from now on waits for the new one.
    this.#queue.nextGeneration(reason);
    this.#identity = undefined;
    this.#log("warn", "The model's file was replaced: the new one is loaded.");
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#enter({ status: "restarting", reason, nextAttempt: Date.now() + this.#pauseMs, isHopeless: false });
    this.#connection?.kill("was ended because the model's file changed");
  }

  #ended(how: string): void {
    this.#connection = undefined;
    clearTimeout(this.#timer);
    this.#earlier = {
      computed: this.#earlier.computed + this.#tokens.computed,
      reused: this.#earlier.reused + this.#tokens.reused,
    };
    this.#tokens = NO_TOKENS;
    if (this.#closing !== undefined || this.#state.status === "failed") return;
    const reason = `The scoring process ${how}.`;
    if (this.#model === undefined) {
      this.#fail(new NativeError("ERR_MODEL_LOAD", `The model could not be loaded: the scoring process ${how}.`));
      return;
    }
    this.#restarts += 1;
    if (this.#state.status === "loading") this.#failedStarts += 1;
    this.#queue.interrupt(reason);
    const isHopeless = this.#failedStarts >= MAX_FAILED_STARTS;
    if (isHopeless) this.#queue.rejectAll(reason);
    const pause = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pause, MAX_PAUSE_MS);
    this.#log("error", `${reason} It is started again in ${pause / 1000} s.`);
    this.#timer = setTimeout(() => this.#start(), pause);
    this.#enter({ status: "restarting", reason, nextAttempt: Date.now() + pause, isHopeless });
  }

  #enter(state: BackendState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }

  #log(level: "info" | "warn" | "error", message: string): void {
    this.#options.log?.(level, message);
  }
}
