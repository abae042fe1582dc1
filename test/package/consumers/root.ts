// Compiled against the installed package by tarball.test.ts: what an application in strict TypeScript writes.
import { isStarlingError, loadRewardModel, type RankedResponse, type RewardModel, type ScoreResult } from "starling-rm";

try {
  await using model: RewardModel = await loadRewardModel({ modelPath: "tiny" });
  const results: readonly ScoreResult[] = await model.score([{ prompt: "Name a fruit.", response: "An apple." }]);
  const ranked: readonly RankedResponse[] = await model.rank({
    prompt: "Name a fruit.",
    responses: ["An apple.", "I hate you."],
  });
  console.log(results[0]?.score.toFixed(3), ranked[0]?.response);
} catch (error) {
  if (isStarlingError(error)) console.error(error.code, error.message);
}
