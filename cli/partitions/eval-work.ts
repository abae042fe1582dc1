/** Partitions of eval: the scored cases of each file, from which the report on all files is made. */
import { type BenchmarkRequest, type EvaluateOptions, StrictStop } from "../../src/entry/eval.ts";
import type { DataOptions } from "../benchmark-options.ts";
import type { CommandContext } from "../context.ts";
import { UsageError } from "../errors.ts";
import { caseLine, PartEvaluator } from "../library.ts";
import { type EngineOptions, given, loadSettings, type ModelOptions } from "../model-option.ts";
import { progressText } from "../progress-bar.ts";
import { RowProblems } from "../row-problems.ts";
import { outputName } from "./output-name.ts";
import { PartitionOutput } from "./partition-output.ts";
import type { HeldPartition, PartitionWork, Publish } from "./partition-work.ts";
import { engineOf } from "./score-work.ts";

export type EvalWorkOptions = DataOptions & ModelOptions & EngineOptions & { readonly cache: boolean };

type Progress = Parameters<NonNullable<EvaluateOptions["onProgress"]>>[0];

export class EvalWork implements PartitionWork {
  readonly command: string;
  readonly #request: BenchmarkRequest;
  readonly #options: EvalWorkOptions;
  readonly #context: CommandContext;
  readonly #modelPath: () => Promise<string>;
  #evaluator: PartEvaluator | undefined;

  constructor(
    request: BenchmarkRequest,
    options: EvalWorkOptions,
    context: CommandContext,
    modelPath: () => Promise<string>,
  ) {
    this.command = `eval ${request.benchmark}`;
    this.#request = request;
    this.#options = options;
    this.#context = context;
    this.#modelPath = modelPath;
  }

  /** Whatever the input is: cases are JSON lines. */
  outputName(partition: string): string {
    return evalOutputName(partition);
  }

  async load(): Promise<void> {
    if (this.#evaluator !== undefined) return;
    const { terminal } = this.#context;
    const started = performance.now();
    let shown: Progress | undefined;
    terminal.showStatus((columns) => {
      if (shown === undefined) return "";
      const seconds = (performance.now() - started) / 1000;
      return progressText({ label: `${shown.phase} the model`, fraction: shown.fraction, seconds }, columns);
    });
    try {
      const onProgress = (progress: Progress) => {
        shown = progress;
        terminal.redrawStatus();
      };
      this.#evaluator = await PartEvaluator.open({ ...this.#settings(await this.#modelPath()), onProgress });
    } finally {
      terminal.endStatus();
    }
  }

  #settings(modelPath: string) {
    const { strict = false, ignoreField: ignoreFields, differentPrompts, cache } = this.#options;
    const { terminal, signal } = this.#context;
    return {
      ...{ modelPath, load: loadSettings(this.#options), strict, signal },
      ...given({ ignoreFields, differentPrompts }),
      ...(cache ? {} : { cacheFolder: false as const }),
      onNotice: (message: string) => terminal.note(`note: ${message}`),
    };
  }

  async run({ partition, claim, base, onRows }: HeldPartition, publish: Publish): Promise<void> {
    await this.load();
    const evaluator = this.#evaluator as PartEvaluator;
    const { terminal } = this.#context;
    const problems = new RowProblems(terminal);
    let [cases, tokens] = [0, 0];
    terminal.showStatus((columns, isLine) => {
      const counts = { prompts: base.rows + cases, tokens: base.tokens + tokens };
      const seconds = (performance.now() - base.started) / 1000;
      return progressText({ label: base.label, fraction: base.fraction(0), seconds, counts, isLine }, columns);
    });
    const request = { ...this.#request, inputs: [partition.path] };
    const settings = {
      ...this.#settings(await this.#modelPath()),
      onProblem: ({ where, error }: { where: string; error: unknown }) =>
        problems.add(`${partition.name}, ${where}`, error),
      onProgress: (progress: Progress) => {
        if (progress.phase !== "scoring") return;
        [cases, tokens] = [progress.itemsDone, progress.tokensDone];
        onRows(cases);
        terminal.redrawStatus();
      },
    };
    const output = await PartitionOutput.open(claim, false);
    try {
      const evaluated = await evaluator.evaluate(request, settings);
      const { rows, truncatedResponses: truncated } = evaluated.part;
      // Those of scores from the cache, too: a partition that was killed has some.
      tokens = 0;
      for (const scored of evaluated.cases) {
        for (const count of scored.tokenCounts) tokens += count;
        await output.write(caseLine(request.benchmark, scored));
      }
      const counts = { rows: rows.read, records: evaluated.cases.length, failures: rows.broken + rows.failed };
      terminal.endStatus();
      await publish((manifest, name) => output.publish(manifest, name), {
        ...{ ...counts, truncated, warnings: evaluated.warnings, tokens },
        engine: engineOf(evaluator.model.model.info),
        evaluation: evaluated.part,
      });
    } catch (error) {
      if (error instanceof StrictStop) throw new UsageError(error.message);
      throw error;
    } finally {
      terminal.endStatus();
      problems.end(cases);
      await output.close();
    }
  }

  async close(): Promise<void> {
    await this.#evaluator?.close();
  }
}

/** Cases are JSON lines, whatever the input is, and small. */
export function evalOutputName(partition: string): string {
  const name = outputName(partition, "jsonl");
  return name.replace(/\.(?:gz|gzip|zst|zstd)$/i, "");
}
