/** `starling-rm pull` */
import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { convert, type PullProgress, type PullResult, pull as pullCheckpoint, weightTypes } from "../src/index.ts";
import type { Action, CommandContext } from "./context.ts";
import { reportFile } from "./convert.ts";
import { EXIT_DONE, UsageError } from "./errors.ts";
import { given } from "./model-option.ts";
import { oneOf, wholeNumber } from "./option-values.ts";
import { openOutput } from "./output.ts";
import { byteSize, progressText } from "./progress-bar.ts";

interface PullCommandOptions {
  readonly repository: string;
  readonly revision?: string;
  readonly type?: string;
  readonly output?: string;
  readonly cacheDir?: string;
  readonly concurrency?: number;
  readonly force?: true;
  readonly json?: true;
}

/** The library's bound. */
const MAX_CONCURRENCY = 16;

export const pull: Action<PullCommandOptions> = async (options, context) => {
  const { type, json, force } = options;
  const output = options.output ?? (type === undefined ? undefined : defaultOutput(options.repository, type));
  if (output !== undefined && type === undefined)
    throw new UsageError("--output needs --type: which GGUF is to be made of the checkpoint");
  if (force && type === undefined) throw new UsageError("--force needs --type: pulling replaces nothing");
  // Known before hours of downloading, not behind them.
  if (output !== undefined && !force && existsSync(output))
    throw new UsageError(`${output} exists already; --force replaces it`);
  const pulled = await pullShown(options, context);
  if (type !== undefined && output !== undefined) return convertPulled(pulled, { ...options, type, output }, context);
  const { folder, commit, files, bytes } = pulled;
  // The folder alone, so that a shell can use it: convert "$(starling-rm pull …)".
  const text = json ? JSON.stringify({ folder, commit, files, bytes }) : folder;
  await (await openOutput(undefined, [])).write(`${text}\n`);
  context.terminal.say(`${pulled.repository} at ${commit.slice(0, 8)}: ${files.length} files, ${byteSize(bytes)}`);
  return EXIT_DONE;
};

async function pullShown(options: PullCommandOptions, { terminal, signal }: CommandContext): Promise<PullResult> {
  const { repository, revision, cacheDir, concurrency } = options;
  const started = performance.now();
  let progress: PullProgress | undefined;
  terminal.showStatus((columns) => pullText(progress, (performance.now() - started) / 1000, columns));
  try {
    return await pullCheckpoint({
      repository,
      signal,
      onProgress: (now) => {
        progress = now;
        terminal.redrawStatus();
      },
      ...given({ revision, cacheDir, concurrency }),
    });
  } finally {
    terminal.endStatus();
  }
}

/** The rate is that of what comes; what was there before is in the percentage only. */
function pullText(progress: PullProgress | undefined, seconds: number, columns: number): string {
  if (progress === undefined) return "asking the hub";
  const { file, waiting, bytesDone, bytesTotal, bytesReceived } = progress;
  const label = waiting ? `${file}: another process downloads it` : file;
  const fraction = bytesTotal > 0 ? bytesDone / bytesTotal : 1;
  return progressText({ label, fraction, seconds, counts: { MB: Math.floor(bytesReceived / 1e6) } }, columns);
}

function convertPulled(
  { folder, repository, commit }: PullResult,
  options: PullCommandOptions & { readonly type: string; readonly output: string },
  context: CommandContext,
): Promise<number> {
  const { type, output, force } = options;
  return reportFile(options, context, (onProgress) =>
    convert({
      checkpoint: folder,
      output,
      type,
      overwrite: force === true,
      source: { name: repository, revision: commit },
      onProgress,
      signal: context.signal,
    }),
  );
}

/** "hf:Owner/Name@revision" -> "name.q4_k_m.gguf" */
function defaultOutput(repository: string, type: string): string {
  const [, name = "model"] = /([^/@]+)(?:@.*)?$/.exec(repository) ?? [];
  return `${name}.${type}.gguf`.toLowerCase();
}

export function describePull(command: Command): Command {
  return command
    .description("Download a checkpoint from the Hugging Face hub to its cache, and convert it where --type is given.")
    .argument("<repository>", "OWNER/NAME, perhaps with @REVISION")
    .option("--revision <id>", "branch, tag or commit (default: main)")
    .addOption(
      new Option("-t, --type <type>", `also make a GGUF of this weight type: ${weightTypes.join(", ")}`).argParser(
        oneOf(weightTypes),
      ),
    )
    .option("-o, --output <file>", "the GGUF to write (default: NAME.TYPE.gguf)")
    .option("--cache-dir <folder>", "the cache (default: $HF_HUB_CACHE, or ~/.cache/huggingface/hub)")
    .option("--concurrency <n>", "files to download at once (default: 4)", wholeNumber(1, MAX_CONCURRENCY))
    .option("--force", "replace an existing output")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP);
}

const HELP = `
A download that was stopped goes on where it stopped; every file is checked against the hub's hash. For a gated
repository accept its conditions on its page and set HF_TOKEN. HF_HOME, HF_HUB_CACHE, HF_ENDPOINT and HF_HUB_OFFLINE are
followed, too.

Examples:
  starling-rm pull Nexusflow/Starling-RM-34B
  starling-rm pull Nexusflow/Starling-RM-34B --type q4_k_m -o starling-rm-34b.q4_k_m.gguf`;
