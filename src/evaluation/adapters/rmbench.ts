/**
 * THU-KEG/RM-Bench (total_dataset.json, README at commit 73c52d7 on GitHub): three right and three wrong answers, each concise,
 * detailed as plain text, and detailed as markdown.
 */
import { comparisonsByGrade } from "../case.ts";
import { rmBenchStyles } from "../measures/rm-bench.ts";
import {
  type Adapted,
  type AdaptOptions,
  itemOf,
  namesOf,
  promptOf,
  rowFields,
  textOf,
  textsOf,
  wrong,
} from "./adapter.ts";

const READ = ["prompt", "chosen", "rejected", "system"];

export function adaptRmBench(row: unknown, options: AdaptOptions = {}): Adapted {
  const fields = rowFields(row, options, '{"prompt","chosen","rejected","domain"}', READ);
  const context = promptOf(fields, options);
  const responses = (["chosen", "rejected"] as const).flatMap((name) => {
    const texts = textsOf(fields, name);
    if (texts.length !== rmBenchStyles.length) throw wrong(`${rmBenchStyles.length} responses`, name, texts);
    return texts.map((text, i) => ({
      item: itemOf(context, text),
      grade: name === "chosen" ? 1 : 0,
      label: `${name}, ${rmBenchStyles[i]}`,
    }));
  });
  const subset = textOf(fields, "domain");
  return { case: { responses, comparisons: comparisonsByGrade(responses), ...namesOf(fields), subset } };
}
