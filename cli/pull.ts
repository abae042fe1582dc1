/** `starling-rm pull` */

import { type Command, Option } from "commander";
import { MAX_DOWNLOADS } from "../src/bounds.ts";
import { byteSize, type PullProgress, type PullResult, pull as pullCheckpoint, weightTypes } from "../src/index.ts";
import type { Action, CommandContext } from "./context.ts";
import { convert } from "./convert.ts";
import { EXIT_DONE, UsageError } from "./errors.ts";
import { given } from "./model-option.ts";
import { wholeNumber } from "./option-values.ts";
import { openOutput } from "./output.ts";
import { downloadText } from "./progress-bar.ts";

interface PullCommandOptions {
  readonly repository: string;
  readonly revision?: string;
  readonly type?: string;
  readonly output?: string;
  readonly cacheDir?: string;
  readonly concurrency?: number;
  readonly tokenizer?: string;
  readonly stream?: true;
  readonly resume?: true;
  readonly force?: true;
  readonly json?: true;
}

export const pull: Action<PullCommandOptions> = async (options, context) => {
  const { repository, type, json, output } = options;
  if (type !== undefined) {
    const checkpoint = repository.startsWith("hf:") ? repository : `hf:${repository}`;
    return convert({ ...options, checkpoint, type, output: output ?? outputName(repository, type) }, context);
  }
  for (const name of ["output", "tokenizer", "stream", "resume", "force"] as const)
    if (options[name] !== undefined) throw new UsageError(`--${name} needs --type: which GGUF is to be made`);
  const pulled = await pullShown(options, context);
  const { folder, commit, files, bytes } = pulled;
  // The folder alone, so that a shell can use it: convert "$(starling-rm pull …)".
  const text = json ? JSON.stringify({ folder, commit, files, bytes }) : folder;
  await (await openOutput()).write(`${text}\n`);
  context.terminal.say(`${pulled.repository} at ${commit.slice(0, 8)}: ${files.length} files, ${byteSize(bytes)}`);
  return EXIT_DONE;
};

/** "starling-rm-34b.q4_k_m.gguf" of "hf:Nexusflow/Starling-RM-34B@main". */
function outputName(repository: string, type: string): string {
  const [, name = "model"] = /([^/@]+)(?:@.*)?$/.exec(repository) ?? [];
  return `${name}.${type}.gguf`.toLowerCase();
}

async function pullShown(options: PullCommandOptions, { terminal, signal }: CommandContext): Promise<PullResult> {
  const { repository, revision, cacheDir, concurrency } = options;
  const started = performance.now();
  let progress: PullProgress | undefined;
  terminal.showStatus((columns) =>
    progress === undefined ? "asking the hub" : downloadText(progress, (performance.now() - started) / 1000, columns),
  );
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

export function describePull(command: Command): Command {
  return command
    .description("Download a checkpoint from the Hugging Face hub to its cache, and convert it where --type is given.")
    .argument("<repository>", "OWNER/NAME, perhaps with @REVISION")
    .option("--revision <id>", "branch, tag or commit (default: main)")
    .addOption(new Option("-t, --type <type>", `also make a GGUF of this weight type: ${weightTypes.join(", ")}`))
    .option("-o, --output <file>", "the GGUF to write (default: NAME.TYPE.gguf)")
    .option("--cache-dir <folder>", "the cache (default: $HF_HUB_CACHE, or ~/.cache/huggingface/hub)")
    .option("--concurrency <n>", "files to download at once (default: 4)", wholeNumber(1, MAX_DOWNLOADS))
    .option("--tokenizer <place>", "with --type: take the tokenizer's files from this folder or hf:OWNER/NAME")
    .option("--stream", "with --type: download each weight file when it is its turn, and remove it afterwards")
    .option("--resume", "with --type: go on from an interrupted conversion")
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
  starling-rm pull Nexusflow/Starling-RM-34B --type q4_k_m -o starling-rm-34b.q4_k_m.gguf
  starling-rm pull Nexusflow/Starling-RM-34B --type q4_k_m --stream --resume`;
