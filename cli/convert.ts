/** `starling-rm convert` and `starling-rm quantize` */
import { type Command, Option } from "commander";
import {
  byteSize,
  type ConvertOptions,
  type ConvertResult,
  convert as convertCheckpoint,
  profileChoices,
  type TokenizationMode,
  tokenizationModes,
  weightTypes,
} from "../src/index.ts";
import type { Action, CommandContext } from "./context.ts";
import { EXIT_DONE, UsageError } from "./errors.ts";
import { pathIdentity } from "./file-identity.ts";
import { given } from "./model-option.ts";
import { openOutput } from "./output.ts";
import { clock, downloadText, progressText } from "./progress-bar.ts";

interface ConvertCommandOptions {
  readonly checkpoint: string;
  readonly output: string;
  readonly type: string;
  readonly tokenization?: TokenizationMode;
  readonly profile?: NonNullable<ConvertOptions["profile"]>;
  readonly source?: string;
  readonly revision?: string;
  readonly tokenizer?: string;
  readonly stream?: true;
  readonly cacheDir?: string;
  readonly concurrency?: number;
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
    revision,
    cacheDir,
    concurrency,
  } = options;
  // Of the hub a revision is asked for; of a folder it is only kept in the file.
  const isHub = checkpoint.startsWith("hf:");
  if (stream && !isHub) throw new UsageError("--stream needs a repository on the hub: hf:OWNER/NAME");
  const source = given({ name: options.source, revision: isHub ? undefined : revision });
  return reportFile(options, context, (onProgress, onDownload) =>
    convertCheckpoint({
      checkpoint,
      output,
      type,
      stream: stream === true,
      overwrite: force === true,
      resume: resume === true,
      source,
      onProgress,
      onDownload,
      signal: context.signal,
      ...given({ tokenization, profile, tokenizer, cacheDir, concurrency, revision: isHub ? revision : undefined }),
    }),
  );
};

type OnProgress = NonNullable<ConvertOptions["onProgress"]>;
type OnDownload = NonNullable<ConvertOptions["onDownload"]>;

/** Runs something that writes a GGUF, with its progress on the screen, and prints what came of it. */
export async function reportFile(
  { output: path, force, json }: { readonly output: string; readonly force?: true; readonly json?: true },
  { terminal }: CommandContext,
  make: (onProgress: OnProgress, onDownload: OnDownload) => Promise<ConvertResult>,
): Promise<number> {
  if (!force && (await pathIdentity(path)) !== undefined)
    throw new UsageError(`${path} already exists; --force replaces it`);
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  let line: (columns: number) => string = () => "starting";
  terminal.showStatus((columns) => line(columns));
  let result: ConvertResult;
  try {
    result = await make(
      ({ bytesDone, bytesTotal, step }) => {
        const counts = { MiB: Math.floor(bytesDone / 2 ** 20) };
        const fraction = bytesTotal > 0 ? bytesDone / bytesTotal : 0;
        line = (columns) => progressText({ label: step, fraction, seconds: elapsed(), counts }, columns);
        terminal.redrawStatus();
      },
      (progress) => {
        line = (columns) => downloadText(progress, elapsed(), columns);
        terminal.redrawStatus();
      },
    );
  } finally {
    terminal.endStatus();
  }
  const { output, bytes, tensors, typeNotice, templateNotice } = result;
  const text = json
    ? JSON.stringify({ ...result, seconds: Number(elapsed().toFixed(3)) })
    : `${output}: ${byteSize(bytes)}, ${tensors} tensors, in ${elapsed() < 60 ? `${elapsed().toFixed(1)} s` : clock(elapsed())}`;
  await (await openOutput()).write(`${text}\n`);
  for (const notice of [typeNotice, templateNotice]) if (notice !== undefined) terminal.say(`note: ${notice}`);
  return EXIT_DONE;
}

export function typeOption(required: boolean): Option {
  // The library refuses others: it knows why.
  const option = new Option("-t, --type <type>", `weight type: ${weightTypes.join(", ")}`);
  return required ? option.makeOptionMandatory() : option.default("q4_k_m");
}

export function describeConvert(command: Command): Command {
  return command
    .description("Convert a checkpoint of a Llama reward model to a GGUF file.")
    .argument("<checkpoint>", "folder with config.json, weights and tokenizer files; or hf:OWNER/NAME[@REVISION]")
    .requiredOption("-o, --output <file>", "the GGUF to write; it appears only when it is whole")
    .addOption(typeOption(false))
    .option("--tokenizer <place>", "take the tokenizer's files from this folder or hf:OWNER/NAME")
    .addOption(
      new Option(
        "--tokenization <mode>",
        "tokenization that the file asks for (default: fast-4.41, or the only one that the tokenizer has)",
      ).choices(tokenizationModes),
    )
    .addOption(new Option("--profile <name>", "the kind of reward model").choices(profileChoices).default("auto"))
    .option("--source <name>", "kept in the file: where the checkpoint comes from")
    .option("--revision <id>", "of hf:…, what to download (default: main); of a folder, kept in the file")
    .option("--stream", "of hf:…, download each weight file when it is its turn, and remove it afterwards")
    .option("--resume", "go on from an interrupted run, and let an interruption of this one keep what is done")
    .option("--force", "replace an existing output")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP);
}

const HELP = `
The reward head is never quantised. q4_k_m is the smallest type whose order of responses is close to that of f16; for a
34B model it takes about 20 GB.

Examples:
  starling-rm convert ./Starling-RM-34B -o starling-rm-34b.q4_k_m.gguf
  starling-rm convert ./Starling-RM-34B -o starling-rm-34b.q8_0.gguf --type q8_0
  starling-rm convert hf:Nexusflow/Starling-RM-34B --tokenizer hf:01-ai/Yi-34B-Chat \\
      -o starling-rm-34b.q4_k_m.gguf --stream --resume`;
