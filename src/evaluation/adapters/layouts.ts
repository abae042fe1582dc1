/** All layouts of preference data that are read without code: the adapters of `eval pairs`. */
import { isNameOf } from "../../prompt/common-names.ts";
import type { Facts, Layout } from "./layout.ts";
import { adaptPairs } from "./pairs.ts";
import { alpacaEval } from "./published/alpaca-eval.ts";
import { arena, arena55k, mtBench } from "./published/arena.ts";
import { skywork, ultraFeedbackBinarized } from "./published/conversations.ts";
import { fullHh } from "./published/full-hh.ts";
import { helpSteer2, helpSteer3 } from "./published/helpsteer.ts";
import { hhRlhf } from "./published/hh-rlhf.ts";
import { judgeBench } from "./published/judgebench.ts";
import { alpacaRanking, llamaFactoryV1, shareGptPairs } from "./published/llama-factory.ts";
import { matrix } from "./published/matrix.ts";
import { nectar } from "./published/nectar.ts";
import { oasstMessages, oasstTrees } from "./published/oasst.ts";
import { capybara, chosenResponse, distilabelOrca, orca, stackExchange } from "./published/orca.ts";
import { pkuBetter, pkuSafer, pkuSafety } from "./published/pku.ts";
import { ratedLists, ratedObjects } from "./published/rated.ts";
import { ratedRows } from "./published/rated-rows.ts";
import { stepDpo, ultraInteract } from "./published/reasoning.ts";
import { ppeCorrectness, ppeHuman, rmBench } from "./published/reward-benchmarks.ts";
import { shp } from "./published/shp.ts";
import { summarize, summarizeAxis } from "./published/summarize.ts";
import { trlTexts } from "./published/trl.ts";
import { truthCsv, truthGeneration, truthMc1, truthMc2 } from "./published/truthfulqa.ts";
import { twoResponseColumns } from "./published/two-responses.ts";
import { ultraFeedback, ultraFeedbackFine } from "./published/ultrafeedback.ts";
import { webGpt } from "./published/webgpt.ts";

/** Your own data, TRL's with a prompt or as conversations, and public data sets in these layouts. */
export const pairsLayout: Layout = {
  name: "pairs",
  title: "chosen and rejected, or ranked responses",
  columns: {},
  recognises: hasPairs,
  compared: "chosen over rejected, or each response over those of a worse rank",
  adapt: adaptPairs,
};

function hasPairs({ names }: Facts): boolean {
  return names.some((name) => name === "chosen" || name === "rejected" || isNameOf("responses", name));
}

/** In the order in which they are listed. */
export const layouts: readonly Layout[] = [
  ...[pairsLayout, trlTexts, matrix, ratedLists, ratedObjects, ratedRows, twoResponseColumns],
  ...[hhRlhf, fullHh, helpSteer2, helpSteer3, shp, webGpt, summarize, summarizeAxis, oasstTrees, oasstMessages],
  ...[
    ultraFeedback,
    ultraFeedbackFine,
    ultraFeedbackBinarized,
    skywork,
    nectar,
    orca,
    distilabelOrca,
    stackExchange,
    chosenResponse,
    capybara,
    ultraInteract,
    stepDpo,
  ],
  ...[
    alpacaRanking,
    shareGptPairs,
    llamaFactoryV1,
    arena,
    arena55k,
    mtBench,
    judgeBench,
    alpacaEval,
    rmBench,
    ppeHuman,
    ppeCorrectness,
  ],
  ...[truthGeneration, truthCsv, truthMc1, truthMc2, pkuBetter, pkuSafer, pkuSafety],
];

const NUMBER = String.raw`-?\d+(?:\.\d+)?(?:e[-+]?\d+)?`;
/** NAME:FIRST..SECOND, or NAME:FIRST,SECOND,TIE */
const NUMBERED = new RegExp(`^(.+):(${NUMBER})(?:\\.\\.(${NUMBER})|,(${NUMBER}),(${NUMBER}))$`);

/** The layout of an adapter's name; undefined if there is none. */
export function layoutNamed(name: string): Layout | undefined {
  const found = layouts.find((layout) => layout.name === name);
  if (found !== undefined) return found;
  const [, base, one, end, other, none] = NUMBERED.exec(name) ?? [];
  const [first, second, tie] = [one, end ?? other, none].flatMap((text) => (text === undefined ? [] : [Number(text)]));
  if (first === undefined || second === undefined || new Set([first, second, tie]).size < 3) return undefined;
  const numbers = tie === undefined ? { first, second } : { first, second, tie };
  return layouts.find((layout) => layout.name === base)?.byNumbers?.(numbers);
}
