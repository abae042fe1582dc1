/** Scores in this process: for a model that the caller has loaded. A crash of llama.cpp ends the caller's process, too. */
import { isStarlingError, NativeError, reasonOf, type StarlingError } from "../../errors.ts";
import type { ScoreItem } from "../../prompt/items.ts";
import type { RewardModel } from "../../scoring/reward-model.ts";
import type {
  BackendCounters,
  BackendState,
  PendingScore,
  ScoreRules,
  ScoringBackend,
  ServedModel,
  ServedScore,
} from "../contract.ts";

/** The name of the model's own head in `headScores`. */
const OWN_HEAD = "model";

export interface InProcessOptions {
  /** As clients name the model. Default: the name in the file. */
  readonly modelName?: string | undefined;
}

export class InProcessBackend implements ScoringBackend {
  /** The model stays the one that was loaded. */
  readonly generation = 0;
  readonly #listeners: ((state: BackendState) => void)[] = [];
  readonly #running = new Set<AbortController>();
  readonly #opening: Promise<RewardModel | undefined>;
  /** Whether the model was loaded for this server, and ends with it. */
  readonly #isOwner: boolean;
  #state: BackendState = { status: "loading" };
  #model: RewardModel | undefined;
  #served: ServedModel | undefined;
  #tokens = 0;

  /** @param source a loaded model, which stays open when the server closes; or what loads one */
  constructor(source: RewardModel | (() => Promise<RewardModel>), { modelName }: InProcessOptions = {}) {
    this.#isOwner = typeof source === "function";
    if (typeof source === "function") this.#opening = this.#open(source, modelName);
    else {
      this.#use(source, modelName);
      this.#opening = Promise.resolve(source);
    }
  }

  get state(): BackendState {
    if (this.#model?.closed && this.#state.status === "ready") return { status: "closed" };
    return this.#state;
  }

  get model(): ServedModel | undefined {
    return this.#served;
  }

  get counters(): BackendCounters {
    return { computedTokens: this.#tokens, reusedTokens: 0, restarts: 0 };
  }

  onStateChange(listener: (state: BackendState) => void): void {
    this.#listeners.push(listener);
  }

  score(item: ScoreItem, rules: ScoreRules & { readonly name: string }): PendingScore {
    const stopping = new AbortController();
    this.#running.add(stopping);
    const promise = this.#score(item, rules, stopping.signal).finally(() => this.#running.delete(stopping));
    return { promise, cancel: () => stopping.abort() };
  }

  async close(): Promise<void> {
    if (this.#state.status === "closed") return;
    this.#change({ status: "closed" });
    for (const stopping of this.#running) stopping.abort();
    const model = await this.#opening;
    if (this.#isOwner) await model?.close();
  }

  async #open(load: () => Promise<RewardModel>, modelName: string | undefined): Promise<RewardModel | undefined> {
    try {
      const model = await load();
      if (this.#state.status === "loading") this.#use(model, modelName);
      return model;
    } catch (error) {
      if (this.#state.status === "loading") this.#change({ status: "failed", error: asStarlingError(error) });
      return undefined;
    }
  }

  #use(model: RewardModel, modelName: string | undefined): void {
    this.#model = model;
    this.#served = { name: modelName ?? model.info.name, info: model.info, heads: [] };
    this.#change({ status: "ready" });
  }

  async #score(
    item: ScoreItem,
    { name, perToken = false, strict = false, ignoreFields = [], allHeads = false }: ScoreRules & { name: string },
    signal: AbortSignal,
  ): Promise<ServedScore> {
    const model = this.#model ?? (await this.#opening);
    if (model === undefined) throw new NativeError("ERR_MODEL_LOAD", "The model could not be loaded.");
    const outcomes = model.scoreEach([item], { nameItem: () => name, perToken, strict, ignoreFields, signal });
    for await (const outcome of outcomes) {
      if ("error" in outcome) throw outcome.error;
      const { index: _index, ...score } = outcome;
      this.#tokens += score.tokenCount;
      return allHeads ? { ...score, headScores: { [OWN_HEAD]: score.score } } : score;
    }
    throw new NativeError("ERR_MODEL_CLOSED", "The model was closed.");
  }

  #change(state: BackendState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}

function asStarlingError(error: unknown): StarlingError {
  return isStarlingError(error) ? error : new NativeError("ERR_MODEL_LOAD", reasonOf(error), { cause: error });
}
