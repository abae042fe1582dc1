// What an application writes with starling-rm/eval.
import {
  type BenchmarkName,
  benchmarks,
  type ComparisonReport,
  compareModels,
  type Evaluation,
  evaluate,
  openRows,
  renderHtml,
  StrictStop,
  writeReport,
} from "starling-rm/eval";

export const names: readonly BenchmarkName[] = Object.values(benchmarks).map(({ name }) => name);

export async function measure(input: string): Promise<string> {
  const data = { benchmark: "pairs", inputs: [input] } as const;
  try {
    const evaluation: Evaluation = await evaluate({
      modelPath: "tiny",
      benchmarks: [data],
      cacheFolder: false,
      onProgress: (progress) => {
        if (progress.phase === "scoring") console.log(progress.itemsDone, progress.accuracy?.toFixed(3));
      },
    });
    const compared: ComparisonReport = await compareModels({ models: ["tiny", "tiny"], data });
    console.log(compared.agreement.order.agreement, (await writeReport({ folder: "report", evaluation })).html);
    for await (const row of (await openRows(input)).rows) console.log("error" in row ? row.error.code : row.value);
    return renderHtml(evaluation.report);
  } catch (error) {
    if (error instanceof StrictStop) return error.code;
    throw error;
  }
}
