/** Scores single items with a loaded model, by the rules of a request. */
import { given } from "../../options.ts";
import type { ScoreItem } from "../../prompt/items.ts";
import { scoreOf } from "../../reward-head.ts";
import type { RewardModel } from "../../scoring/reward-model.ts";
import type { FeatureResult } from "../../scoring/types.ts";
import type { ServedModel, ServedScore } from "../contract.ts";
import { MODEL_HEAD, type NamedHead, readCompareHeads } from "./compare-heads.ts";
import type { NamedRules } from "./messages.ts";

export interface ScorerOptions {
  readonly compareHeads: readonly string[];
  /** Also accept heads that were fitted to another trunk. */
  readonly foreignHead?: boolean | undefined;
  readonly modelName: string | undefined;
}

export class Scorer {
  readonly model: RewardModel;
  readonly heads: readonly NamedHead[];
  readonly served: ServedModel;

  private constructor(model: RewardModel, heads: readonly NamedHead[], modelName: string | undefined) {
    this.model = model;
    this.heads = heads;
    this.served = { name: modelName ?? model.info.name, info: model.info, heads: heads.map(({ name }) => name) };
  }

  /** @throws FileError for a head that does not belong to the model */
  static async of(model: RewardModel, options: ScorerOptions): Promise<Scorer> {
    return new Scorer(
      model,
      await readCompareHeads(options.compareHeads, model, options.foreignHead),
      options.modelName,
    );
  }

  /** @throws as RewardModel.score; the signal's reason, after which nothing of the item is computed any more */
  async score(
    item: ScoreItem,
    { name, perToken, allHeads, ...rules }: NamedRules,
    signal: AbortSignal,
  ): Promise<ServedScore> {
    const options = { ...given(rules), nameItem: () => name, signal };
    const byHeads = allHeads === true && this.heads.length > 0;
    // With both, the second of the two finds its tokens in the cache.
    const [[withFeatures], [plain]] = await Promise.all([
      byHeads ? this.model.features([item], options) : [],
      perToken || !byHeads ? this.model.score([item], { ...options, ...given({ perToken }) }) : [],
    ]);
    const { index: _index, features: _features, ...result } = (plain ?? withFeatures) as FeatureResult;
    if (!allHeads) return result;
    const further = this.heads.map(({ name, head }) => [name, scoreOf(head, withFeatures?.features as Float32Array)]);
    return { ...result, headScores: Object.fromEntries([[MODEL_HEAD, result.score], ...further]) };
  }
}
