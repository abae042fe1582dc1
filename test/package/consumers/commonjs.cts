// What a CommonJS application writes: the package is ESM, so that it is imported when it is needed, also on Node 20.
import type { RewardModel, ScoreResult } from "starling-rm" with { "resolution-mode": "import" };
import type { FeatureTable } from "starling-rm/fit" with { "resolution-mode": "import" };

async function main(): Promise<void> {
  const { loadRewardModel } = await import("starling-rm");
  const { inspectModel } = await import("starling-rm/convert");
  const { benchmarks } = await import("starling-rm/eval");
  const fit = await import("starling-rm/fit");
  const { pull } = await import("starling-rm/hub");
  const model: RewardModel = await loadRewardModel({ modelPath: "tiny" });
  const results: readonly ScoreResult[] = await model.score([{ prompt: "Name a fruit.", response: "An apple." }]);
  const table: FeatureTable = fit.FeatureTable.from([[1, 2]]);
  const { kind } = await inspectModel({ modelPath: "tiny" });
  console.log(results.length, table.width, kind, benchmarks.pairs.name, typeof pull);
  await model.close();
}

void main();
