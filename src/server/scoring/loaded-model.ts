/** A model that the caller has loaded, scored in this process. */
import { ModelClosedError, reasonOf } from "../../errors.ts";
import type { ScoreItem } from "../../prompt/items.ts";
import { type RewardModel, tokenCountsOf } from "../../scoring/reward-model.ts";
import type {
  BackendCounters,
  BackendState,
  PendingScore,
  ScoringBackend,
  ServedModel,
  ServedScore,
} from "../contract.ts";
import { ScoringUnavailable } from "../scoring-unavailable.ts";
import type { QueuedRules } from "./item-queue.ts";
import { asStarlingError, isModelGone, type TokenCounts } from "./messages.ts";
import { Scorer, type ScorerOptions } from "./scorer.ts";

export class LoadedModel implements ScoringBackend {
  readonly #model: RewardModel;
  readonly #scorer: Promise<Scorer>;
  readonly #running = new Map<AbortController, Promise<unknown>>();
  readonly #listeners: ((state: BackendState) => void)[] = [];
  readonly #before: TokenCounts;
  /** Until the heads to compare with are read. */
  #state: BackendState = { status: "loading" };
  #served: ServedModel | undefined;

  constructor(model: RewardModel, options: ScorerOptions) {
    this.#model = model;
    this.#before = tokenCountsOf(model);
    this.#scorer = Scorer.of(model, options);
    this.#scorer.then(
      ({ served }) => {
        this.#served = served;
        this.#enter({ status: "ready" });
      },
      (error) => this.#enter({ status: "failed", error: asStarlingError(error) }),
    );
  }

  get state(): BackendState {
    const { status } = this.#state;
    // Its owner may have closed it.
    if (this.#model.closed && status !== "closed" && status !== "failed")
      return { status: "failed", error: new ModelClosedError() };
    return this.#state;
  }

  get model(): ServedModel | undefined {
    return this.#served;
  }

  get counters(): BackendCounters {
    const { computed, reused } = tokenCountsOf(this.#model);
    return {
      computedTokens: computed - this.#before.computed,
      reusedTokens: reused - this.#before.reused,
      restarts: 0,
    };
  }

  readonly generation = 0;

  onStateChange(listener: (state: BackendState) => void): void {
    this.#listeners.push(listener);
  }

  score(item: ScoreItem, { generation: _generation, ...rules }: QueuedRules): PendingScore {
    const stop = new AbortController();
    const promise = this.#score(item, rules, stop);
    this.#running.set(stop, promise);
    // A caller that cancels may not look at it any more.
    promise.catch(() => {}).finally(() => this.#running.delete(stop));
    return { promise, cancel: () => stop.abort(new Error("cancelled")) };
  }

  async #score(item: ScoreItem, rules: QueuedRules, stop: AbortController): Promise<ServedScore> {
    if (this.#state.status === "closed") throw new ScoringUnavailable("The server was closed.");
    try {
      const scorer = await this.#scorer.catch((error) => {
        throw new ScoringUnavailable(reasonOf(error));
      });
      return await scorer.score(item, rules, stop.signal);
    } catch (error) {
      stop.signal.throwIfAborted();
      if (error instanceof ScoringUnavailable) throw error;
      const own = asStarlingError(error);
      throw isModelGone(own.code) ? new ScoringUnavailable(own.message) : own;
    }
  }

  /** Cancels what is running. The model stays open: it is the caller's. */
  async close(): Promise<void> {
    if (this.#state.status !== "closed") this.#enter({ status: "closed" });
    const running = [...this.#running];
    for (const [stop] of running) stop.abort(new ScoringUnavailable("The server was closed."));
    await Promise.allSettled(running.map(([, promise]) => promise));
  }

  #enter(state: BackendState): void {
    if (this.#state.status === "closed") return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
