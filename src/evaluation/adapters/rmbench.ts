/**
 * THU-KEG/RM-Bench (total_dataset.json, README at commit 73c52d7 on GitHub): three right and three wrong answers, each concise,
 * detailed as plain text, and detailed as markdown.
 */
import { comparisonsByGrade } from "../case.ts";
import { rmBenchStyles } from "../measures/rm-bench.ts";
import {
  type Adapted,
  type AdaptOptions,
  type Fields,
  itemOf,
  namesOf,
  promptOf,
  rowFields,
  textOf,
  textsOf,
  wrong,
} from "./adapter.ts";

const READ = ["prompt", "chosen", "rejected", "system"];
/** The repository also has a file for each domain, whose rows do not say it. */
const FILE_OF_DOMAIN = /(chat|math|code|safety-refuse|safety-response)_filtered\b/;

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
  const subset = domainOf(fields, options);
  return { case: { responses, comparisons: comparisonsByGrade(responses), ...namesOf(fields), subset } };
}

function domainOf(fields: Fields, { sourceName = "" }: AdaptOptions): string {
  const { domain } = fields;
  const [, byFile] = FILE_OF_DOMAIN.exec(sourceName) ?? [];
  if (domain === undefined && byFile !== undefined) return byFile;
  if (domain === undefined) {
    const advice = " A file of one domain can be named after it instead: chat_filtered.json.";
    throw wrong('"chat", "math", "code" or "safety-…"', "domain", domain, advice);
  }
  return textOf(fields, "domain");
}
