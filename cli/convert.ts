/** `starling-rm convert`, and what `quantize` shares with it. */

import { join } from "node:path";
import { type Command, Option } from "commander";
import {
  type ConvertOptions,
  type ConvertResult,
  convert as convertCheckpoint,
  weightTypes,
} from "../src/entry/convert.ts";
import type { ConvertProgress, TokenizationMode } from "../src/index.ts";
import type { Action, CommandContext } from "./context.ts";
import { EXIT_DONE, existingFile, UsageError } from "./errors.ts";
import { pathIdentity } from "./file-identity.ts";
import { byteSize, profileChoices, tokenizationModes } from "./library.ts";
import { given } from "./model-option.ts";
import { byteCount, REPLACE } from "./option-values.ts";
import { openOutput } from "./output.ts";
import { checkOutputName } from "./output-names.ts";
import { clock, downloadText, progressText } from "./progress-bar.ts";

interface ConvertCommandOptions {
  readonly checkpoint: string;
  readonly output: string;
  readonly type: string;
  readonly tokenization?: TokenizationMode;
  readonly profile?: NonNullable<ConvertOptions["profile"]>;
  readonly scorePosition?: NonNullable<ConvertOptions["scorePosition"]>;
  readonly normalizeReward?: boolean;
  readonly source?: string;
  readonly revision?: string;
  readonly tokenizer?: string;
  readonly base?: string;
  readonly stream?: true;
  readonly cacheFolder?: string;
  readonly concurrency?: number;
  readonly splitSize?: number;
  readonly resume?: true;
  readonly force?: true;
  readonly json?: true;
}

export const convert: Action<ConvertCommandOptions> = async (options, context) => {
  const {
    checkpoint,
    output,
    type,
    stream,
    resume,
    force,
    tokenization,
    profile,
    tokenizer,
    scorePosition,
    normalizeReward,
    base,
    revision,
    cacheFolder,
    concurrency,
    splitSize,
  } = options;
  // On the hub, the revision selects what is downloaded; for a folder it is only stored in the file.
  const isHub = checkpoint.startsWith("hf:");
  if (stream && !isHub && base?.startsWith("hf:") !== true && !(await isAdapter(checkpoint)))
    throw new UsageError("--stream works only with a checkpoint on the hub: hf:OWNER/NAME");
  const source = given({ name: options.source, revision: isHub ? undefined : revision });
  await checkModelName(output, { option: "--output", command: "convert" });
  return reportFile(options, context, (onProgress) =>
    convertCheckpoint({
      checkpoint,
      output,
      type,
      stream: stream === true,
      overwrite: force === true,
      resume: resume === true,
      source,
      onProgress,
      signal: context.signal,
      ...given({ tokenization, profile, scorePosition, normalizeReward, splitSize }),
      ...given({ tokenizer, base, cacheFolder, concurrency, revision: isHub ? revision : undefined }),
    }),
  );
};

/** Whether its base may be on the hub. */
async function isAdapter(folder: string): Promise<boolean> {
  return (await pathIdentity(join(folder, "adapter_config.json"))) !== undefined;
}

/** @throws UsageError for a model's name that says another format */
export async function checkModelName(
  name: string | undefined,
  place: { readonly option: string; readonly command: string },
): Promise<void> {
  const otherwise = "Unknown extensions are allowed, too.";
  await checkOutputName(name, { ...place, formats: ["gguf"], otherwise });
}

type OnProgress = NonNullable<ConvertOptions["onProgress"]>;

/** Runs `make`, which writes a GGUF, shows its progress and prints the result. */
export async function reportFile(
  { output: path, force, json }: { readonly output: string; readonly force?: true; readonly json?: true },
  { terminal }: CommandContext,
  make: (onProgress: OnProgress) => Promise<ConvertResult>,
  atFirst = "starting",
): Promise<number> {
  if (!force && (await pathIdentity(path)) !== undefined) throw new UsageError(existingFile(path));
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  let line = (columns: number) => progressText({ label: atFirst, seconds: elapsed() }, columns);
  terminal.showStatus((columns) => line(columns));
  let result: ConvertResult;
  try {
    result = await make((progress) => {
      line = (columns) =>
        progress.phase === "downloading"
          ? downloadText(progress, elapsed(), columns)
          : convertText(progress, elapsed(), columns);
      terminal.redrawStatus();
    });
  } finally {
    terminal.endStatus();
  }
  const { output, parts = [], bytes, tensors, typeNotice, templateNotice, notices = [] } = result;
  const files = parts.length === 0 ? "" : ` in ${parts.length} files`;
  const text = json
    ? JSON.stringify({ ...result, seconds: Number(elapsed().toFixed(3)) })
    : `${output}: ${byteSize(bytes)}${files}, ${tensors} tensors, in ${elapsed() < 60 ? `${elapsed().toFixed(1)} s` : clock(elapsed())}`;
  await (await openOutput()).write(`${text}\n`);
  for (const notice of [typeNotice, templateNotice, ...notices])
    if (notice !== undefined) terminal.note(`note: ${notice}`);
  return EXIT_DONE;
}

function convertText({ tensor, fraction, bytesDone }: ConvertProgress, seconds: number, columns: number): string {
  const counts = { MiB: Math.floor(bytesDone / 2 ** 20) };
  return progressText({ label: tensor, fraction, seconds, counts }, columns);
}

export function typeOption(required: boolean): Option {
  // The library rejects other types and explains why.
  const option = new Option("-t, --type <type>", `weight type: ${weightTypes.join(", ")}`);
  return required ? option.makeOptionMandatory() : option.default("q4_k_m");
}

export function splitOption(): Option {
  return new Option(
    "--split-size <bytes>",
    "write files of at most this size: NAME-00001-of-0000N.gguf, such as 4G",
  ).argParser(byteCount(1, Number.MAX_SAFE_INTEGER));
}

export const NORMALIZE = "normalise scores with the checkpoint's mean and std";
export const RAW = "leave scores raw, whatever the checkpoint says";

export function scorePositionOption(): Option {
  return new Option(
    "--score-position <rule>",
    "where the score is read: last, first-padding, last-non-padding, end-of-padding or last-of-token:ID (default: as the " +
      "model's own code does)",
  );
}

export function describeConvert(command: Command): Command {
  return command
    .description("Convert a reward-model checkpoint to GGUF.")
    .argument(
      "<checkpoint>",
      "folder with config.json, weights and tokenizer files; hf:OWNER/NAME[@REVISION]; hf: and a name of starling-rm models; or a " +
        "LoRA adapter",
    )
    .requiredOption("-o, --output <file>", "GGUF file to write")
    .addOption(typeOption(false))
    .option("--tokenizer <place>", "take the tokenizer from this folder or hf:OWNER/NAME")
    .option(
      "--base <place>",
      "LoRA adapter: folder or hf:OWNER/NAME of its base (default: what adapter_config.json names)",
    )
    .addOption(
      new Option(
        "--tokenization <mode>",
        "tokenization stored in the file (default: fast-4.41, or the only one the tokenizer has)",
      ).choices(tokenizationModes),
    )
    .addOption(new Option("--profile <name>", "reward-model family").choices(profileChoices).default("auto"))
    .addOption(scorePositionOption())
    .option("--normalize-reward", NORMALIZE)
    .option("--no-normalize-reward", RAW)
    .option("--source <name>", "origin of the checkpoint, stored in the file")
    .option("--revision <id>", "hf:…: branch, tag or commit (default: main); folder: only stored in the file")
    .option("--stream", "hf:…: download one weight file at a time and delete it once converted")
    .addOption(splitOption())
    .option("--resume", "continue an interrupted run; keep finished work if this one is interrupted")
    .option("--force", REPLACE)
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP);
}

const HELP = `
The output appears only when it is complete. The reward head is never quantised. q4_k_m is the smallest type that ranks
responses nearly as f16 does; a 34B model takes about 20 GB.

Examples:
  starling-rm convert ./Starling-RM-34B -o starling-rm-34b.q4_k_m.gguf
  starling-rm convert ./Starling-RM-34B -o starling-rm-34b.q8_0.gguf --type q8_0
  starling-rm convert hf:Nexusflow/Starling-RM-34B --tokenizer hf:01-ai/Yi-34B-Chat \\
      -o starling-rm-34b.q4_k_m.gguf --stream --resume`;
