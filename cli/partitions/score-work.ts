/** Partitions of score and rank. */
import { basename } from "node:path";
import type { ItemWarning, RewardModel, RewardModelInfo } from "../../src/index.ts";
import type { CommandContext } from "../context.ts";
import { EXIT_FATAL, UsageError } from "../errors.ts";
import { RowHash } from "../fingerprint.ts";
import type { PartitionEngine } from "../library.ts";
import { loadModel } from "../model-option.ts";
import { printRows } from "../print-rows.ts";
import { resultPrinter } from "../result-printer.ts";
import type { Row } from "../row.ts";
import { type InputOptions, openFileRows, type RowSource } from "../row-options.ts";
import { checkedRows, ORDERS, type ScoringOptions, scoringForm, tapped } from "../run-scoring.ts";
import { type RowResult, scoreRows } from "../score-rows.ts";
import { checkThreshold, type SelectionOptions } from "../selection.ts";
import { outputName } from "./output-name.ts";
import { PartitionOutput } from "./partition-output.ts";
import type { HeldPartition, PartitionWork, Publish } from "./partition-work.ts";

export interface ScoringKind {
  readonly command: "score" | "rank";
  /** Whether rows with several responses are wanted. */
  readonly many: boolean;
  /** The rows as the command takes them. */
  readonly adapt: (rows: RowSource["rows"], options: SelectionOptions) => RowSource["rows"];
}

export type ScoringWorkOptions = ScoringOptions & InputOptions;

export class ScoreWork implements PartitionWork {
  readonly command: "score" | "rank";
  readonly #kind: ScoringKind;
  readonly #options: ScoringWorkOptions;
  readonly #context: CommandContext;
  readonly #modelPath: () => Promise<string>;
  #model: RewardModel | undefined;

  /** @throws UsageError */
  constructor(
    kind: ScoringKind,
    options: ScoringWorkOptions,
    context: CommandContext,
    modelPath: () => Promise<string>,
  ) {
    if (options.format === "table") throw new UsageError("a table is not written to a folder: choose another --format");
    this.command = kind.command;
    this.#kind = kind;
    this.#options = options;
    this.#context = context;
    this.#modelPath = modelPath;
  }

  outputName(partition: string): string {
    const { format, json } = this.#options;
    return outputName(partition, json ? "json" : format);
  }

  async load(): Promise<void> {
    if (this.#model !== undefined) return;
    this.#model = await loadModel(await this.#modelPath(), this.#options, this.#context);
    checkThreshold(this.#options, this.#model.info);
    const { notice } = this.#model.info;
    if (notice !== undefined) this.#context.terminal.note(`note: ${notice}`);
  }

  async run({ partition, claim, base, onRows }: HeldPartition, publish: Publish): Promise<void> {
    const { command, many, adapt } = this.#kind;
    const { terminal, signal } = this.#context;
    const options = { ...this.#options, output: partition.output };
    const form = await scoringForm(command, options, this.#context);
    const source = await openFileRows({ name: partition.file, path: partition.path }, options, this.#context, many);
    try {
      const named = { ...source, rows: adapt(namedRows(source.rows, partition.name, base.fraction), options) };
      const checked = await checkedRows({ command, source: named, form }, options, this.#context);
      await this.load();
      const model = this.#model as RewardModel;
      const output = await PartitionOutput.open(claim, form.held);
      try {
        const printer = resultPrinter({
          ...{ form, order: ORDERS[command], notice: undefined, terminal, options },
          files: [partition.path],
          before: 0,
        });
        let [tokens, warnings, rows] = [0, 0, 0];
        const onProgress = (progress: { tokensDone: number }) => {
          tokens = progress.tokensDone;
        };
        const { perToken = false, strict = false } = options;
        const results = scoreRows(tapped(checked.rows, printer.onRow), model, { signal, onProgress, perToken, strict });
        const counted = tapped(results, ({ row, ...result }: RowResult & { warnings?: readonly ItemWarning[] }) => {
          warnings += (row.warnings?.length ?? 0) + (result.warnings?.length ?? 0);
          onRows(++rows);
        });
        const exitCode = await printRows(counted, {
          ...{ output, terminal, noRows: source.noRows, hash: new RowHash(), summary: false, base },
          ...{ label: base.label, printer, tokens: () => tokens },
        });
        const { done } = output;
        if (exitCode === EXIT_FATAL || done === undefined)
          throw new UsageError(`${partition.file}: no row has any of the fields that --fields names`);
        const { records, failed: failures, truncated } = done;
        const counts = { rows: done.rows, records, failures, warnings, truncated, tokens };
        await publish((manifest, name) => output.publish(manifest, name), { ...counts, engine: engineOf(model.info) });
      } finally {
        await output.close();
      }
    } finally {
      source.close();
    }
  }

  async close(): Promise<void> {
    await this.#model?.close();
  }
}

export function engineOf({ backend, batchMode, devices, cpuLibrary, kernels }: RewardModelInfo): PartitionEngine {
  return {
    ...{ backend, batchMode, devices },
    ...(cpuLibrary === undefined ? {} : { cpuLibrary: basename(cpuLibrary) }),
    ownKernels: kernels.some(({ kernel }) => kernel.startsWith("starling ")),
  };
}

/** Rows of many files: each says of which it is. */
async function* namedRows(
  rows: Iterable<Row> | AsyncIterable<Row>,
  name: string,
  fractionOf: (own: number) => number,
): AsyncGenerator<Row> {
  for await (const row of rows) {
    const { fraction, where } = row;
    yield { ...row, where: `${name}, ${where}`, ...(fraction === undefined ? {} : { fraction: fractionOf(fraction) }) };
  }
}
