/** `starling-rm probe` */
import { Argument, type Command } from "commander";
import { type BenchmarkName, type Probe, probe, probes } from "../src/entry/eval.ts";
import {
  addDataOptions,
  addSampleOptions,
  printsAdapters,
  refuseReplacingInput,
  requestOf,
  type SampleOptions,
  sampleSettings,
} from "./benchmark-options.ts";
import type { Action } from "./context.ts";
import { EXIT_DONE, EXIT_FATAL, UsageError } from "./errors.ts";
import { evaluationStatus, runAndPrint } from "./evaluation-run.ts";
import { benchmarkNames, probeFilesIn } from "./library.ts";
import {
  addEngineOptions,
  addModelOptions,
  type EngineOptions,
  given,
  loadSettings,
  type ModelOptions,
  modelPath,
} from "./model-option.ts";
import { openOutput } from "./output.ts";
import { checkFolderName } from "./output-names.ts";
import { fieldNames } from "./output-options.ts";
import { probeList, probeTable } from "./probe-table.ts";
import { whyNone } from "./row-counts.ts";

type ProbeCommandOptions = ModelOptions &
  EngineOptions &
  SampleOptions & {
    readonly benchmark: BenchmarkName;
    readonly probe?: readonly string[];
    readonly list?: true;
    readonly output?: string;
    readonly json?: true;
  };

export const probeCommand: Action<ProbeCommandOptions> = async (options, context) => {
  const { terminal } = context;
  if (options.list) {
    const text = options.json ? `${JSON.stringify(probes, undefined, 2)}\n` : probeList(probes, terminal.columns);
    await (await openOutput()).write(text);
    return EXIT_DONE;
  }
  if (await printsAdapters(options)) return EXIT_DONE;
  const chosen = options.probe?.map(probeNamed);
  const data = requestOf(options.benchmark, options);
  await checkFolderName(options.output, "probe writes report.json and texts.jsonl");
  if (options.output !== undefined) await refuseReplacingInput(Object.values(probeFilesIn(options.output)), [data]);
  const path = await modelPath(options, context);
  let unmeasured = false;
  const exitCode = await runAndPrint(context, options, evaluationStatus, async (hooks) => {
    const report = await probe({
      modelPath: path,
      data,
      load: loadSettings(options),
      ...given({ probes: chosen?.map(({ name }) => name), output: options.output }),
      ...sampleSettings(options),
      ...hooks,
    });
    if (report.scores.count === 0) {
      terminal.note(`error: ${options.benchmark} has no usable row, so nothing was measured: ${whyNone(report.rows)}`);
      unmeasured = true;
    }
    if (options.output !== undefined) {
      const { json, texts } = probeFilesIn(options.output);
      terminal.say(`report written: ${json}, ${texts}`);
    }
    return options.json ? `${JSON.stringify(report, undefined, 2)}\n` : probeTable(report, terminal.columns);
  });
  return unmeasured ? EXIT_FATAL : exitCode;
};

function probeNamed(name: string): Probe {
  const known = probes.find((one) => one.name === name);
  if (known !== undefined) return known;
  throw new UsageError(
    `--probe ${name}: expected one of ${probes.map((one) => one.name).join(", ")} (--list says what each does)`,
  );
}

export function describeProbe(command: Command): Command {
  command
    .description("Measure what moves scores though it should not: filler, repetition, format, flattery, and others.")
    .addArgument(
      new Argument("[benchmark]", "how the rows are read, as by eval; pairs also takes what score reads")
        .choices(benchmarkNames)
        .default("pairs" satisfies BenchmarkName),
    );
  addDataOptions(command, { many: false });
  addSampleOptions(command);
  command
    .optionsGroup("Probes:")
    .option("--probe <names>", "only these: a,b (repeatable; default: all)", fieldNames)
    .option("--list", "list the probes, what each does, and where it comes from; --json for programs");
  addModelOptions(command);
  command
    .optionsGroup("Output:")
    .option("-o, --output <folder>", "write report.json and every scored text (texts.jsonl) there; replaces older ones")
    .option("--json", "print the report as JSON");
  addEngineOptions(command);
  return command.addHelpText("after", HELP);
}

const HELP = `
Each response is scored as it is and as each probe changes it. A shift is the difference, in units of the score and of the standard
deviation of the data's scores, with its 95 % interval for new prompts. Where rows have an order (chosen and rejected, ranks),
"flips" are the share of pairs that change from right to wrong or back, if only the rejected response is changed, only the chosen
one, or both. "should" is what a good model does; "*" marks a mean shift whose interval shows something else.

Rows: all that score and eval read (score --help, eval --help). A probe that changes nothing in a response does not apply to it; texts
that are truncated are left out. Both are counted in the report. --seed decides the sample and what the changed texts say.

Scores are cached: an interrupted run resumes and gives the same result. docs/probe.md explains how to read the numbers.

Exit codes: 0 success, 1 some rows failed (reported on stderr; --strict stops at the first), 2 usage error or failure, also
data without any usable row.

Examples:
  starling-rm probe --list
  starling-rm probe --model rm.gguf --input preferences.jsonl --output probed
  starling-rm probe --model rm.gguf --input pairs.jsonl --probe flattery,emoji --limit 200
  starling-rm probe --model rm.gguf rewardbench --limit 300 --json`;
