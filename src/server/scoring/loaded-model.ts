/** A model that the caller has loaded, scored in this process. */
import { isStarlingError } from "../../errors.ts";
import type { ScoreItem } from "../../prompt/items.ts";
import { type RewardModel, tokenCountsOf } from "../../scoring/reward-model.ts";
import type { BackendCounters, BackendState, PendingScore, ScoringBackend, ServedScore } from "../contract.ts";
import { ScoringUnavailable } from "../scoring-unavailable.ts";
import type { QueuedRules } from "./item-queue.ts";
import { receivedError, sentError } from "./messages.ts";
import { Scorer, type ScorerOptions } from "./scorer.ts";

export class LoadedModel implements ScoringBackend {
  readonly #scorer: Scorer;
  readonly #running = new Map<AbortController, Promise<unknown>>();
  readonly #listeners: ((state: BackendState) => void)[] = [];
  readonly #before: ReturnType<typeof tokenCountsOf>;
  #state: BackendState = { status: "ready" };

  private constructor(scorer: Scorer) {
    this.#scorer = scorer;
    this.#before = tokenCountsOf(scorer.model);
  }

  /** @throws as Scorer.of */
  static async of(model: RewardModel, options: ScorerOptions): Promise<LoadedModel> {
    return new LoadedModel(await Scorer.of(model, options));
  }

  get state(): BackendState {
    return this.#state;
  }

  get model() {
    return this.#scorer.served;
  }

  get counters(): BackendCounters {
    const { computed, reused } = tokenCountsOf(this.#scorer.model);
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
      return await this.#scorer.score(item, rules, stop.signal);
    } catch (error) {
      stop.signal.throwIfAborted();
      const code = isStarlingError(error) ? error.code : undefined;
      if (code === "ERR_MODEL_CHANGED" || code === "ERR_MODEL_CLOSED")
        throw new ScoringUnavailable((error as Error).message);
      throw isStarlingError(error) ? error : receivedError(sentError(error));
    }
  }

  /** Cancels what is running. The model stays open: it is the caller's. */
  async close(): Promise<void> {
    if (this.#state.status !== "closed") {
      this.#state = { status: "closed" };
      for (const listener of this.#listeners) listener(this.#state);
    }
    const running = [...this.#running];
    for (const [stop] of running) stop.abort(new ScoringUnavailable("The server was closed."));
    await Promise.allSettled(running.map(([, promise]) => promise));
  }
}
