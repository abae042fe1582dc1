/** `starling-rm pull` */

import { type Command, Option } from "commander";
import { weightTypes } from "../src/entry/convert.ts";
import { type PullResult, pull as pullCheckpoint } from "../src/entry/hub.ts";
import type { Action, CommandContext } from "./context.ts";
import { convert } from "./convert.ts";
import { shownDownload } from "./download-status.ts";
import { EXIT_DONE, UsageError } from "./errors.ts";
import { byteSize, MAX_DOWNLOADS } from "./library.ts";
import { given } from "./model-option.ts";
import { REPLACE, wholeNumber } from "./option-values.ts";
import { openOutput } from "./output.ts";

interface PullCommandOptions {
  readonly repository: string;
  readonly revision?: string;
  readonly type?: string;
  readonly output?: string;
  readonly cacheFolder?: string;
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
    if (options[name] !== undefined) throw new UsageError(`--${name} needs --type: the weight type to convert to`);
  const pulled = await pullShown(options, context);
  const { folder, commit, files, bytes } = pulled;
  // Only the folder, for use in a shell: convert "$(starling-rm pull …)".
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
  const { repository, revision, cacheFolder, concurrency } = options;
  return shownDownload(terminal, (onProgress) =>
    pullCheckpoint({ repository, signal, onProgress, ...given({ revision, cacheFolder, concurrency }) }),
  );
}

export function describePull(command: Command): Command {
  return command
    .description("Download a checkpoint from the Hugging Face hub to its cache; with --type, also convert it.")
    .argument("<repository>", "OWNER/NAME[@REVISION], or a name that starling-rm models lists")
    .option("--revision <id>", "branch, tag or commit (default: main)")
    .addOption(new Option("-t, --type <type>", `also convert to this weight type: ${weightTypes.join(", ")}`))
    .option("-o, --output <file>", "with --type: GGUF file to write (default: NAME.TYPE.gguf)")
    .option(
      "--cache-folder <folder>",
      "Hugging Face cache folder (default: $HF_HUB_CACHE, or ~/.cache/huggingface/hub)",
    )
    .option("--concurrency <n>", "files to download in parallel (default: 4)", wholeNumber(1, MAX_DOWNLOADS))
    .option("--tokenizer <place>", "with --type: take the tokenizer from this folder or hf:OWNER/NAME")
    .option("--stream", "with --type: download one weight file at a time and delete it once converted")
    .option("--resume", "with --type: continue an interrupted conversion")
    .option("--force", `with --type: ${REPLACE}`)
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP);
}

const HELP = `
Prints the folder. An interrupted download resumes; every file is checked against the hub's hash. For a gated repository,
accept its conditions on its page and set HF_TOKEN. Also respected: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_HUB_OFFLINE.

Examples:
  starling-rm pull Nexusflow/Starling-RM-34B
  starling-rm pull Nexusflow/Starling-RM-34B --type q4_k_m -o starling-rm-34b.q4_k_m.gguf
  starling-rm pull Nexusflow/Starling-RM-34B --type q4_k_m --stream --resume`;
