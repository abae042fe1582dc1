// What an application writes with starling-rm/fit.
import type { Progress, RewardHead, RewardModel } from "starling-rm";
import {
  extractFeatures,
  FeatureTable,
  type FitResult,
  fitHead,
  fitModel,
  type PlacedCase,
  replaceHead,
  writeHead,
} from "starling-rm/fit";

const onProgress = (progress: Progress): void => console.log(progress.phase, progress.fraction);

export async function fitOwn(model: RewardModel, cases: readonly PlacedCase[]): Promise<RewardHead> {
  const { head }: FitResult = await fitHead(await extractFeatures({ model, cases, onProgress }), { ridge: 0.1 });
  await writeHead({ modelPath: model.info.path, output: "head.gguf", head });
  await replaceHead({ modelPath: model.info.path, output: "model.gguf", head, onProgress });
  const { report } = await fitModel({
    modelPath: "tiny",
    data: { benchmark: "pairs", inputs: ["a.jsonl"] },
    onProgress,
  });
  console.log(report.training.after.accuracy);
  return head;
}

const features = FeatureTable.from([new Float32Array([1, 2]), [3, 4]]);
console.log(features.rows, features.width, features.row(0)[1]);
