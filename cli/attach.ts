/** `starling-rm attach` */
import { type Command, Option } from "commander";
import { type AttachOptions, attach as attachHead } from "../src/entry/convert.ts";
import type { TokenizationMode } from "../src/index.ts";
import type { Action } from "./context.ts";
import { checkModelName, NORMALIZE, RAW, reportFile, scorePositionOption, splitOption } from "./convert.ts";
import { profileChoices, tokenizationModes } from "./library.ts";
import { given } from "./model-option.ts";
import { REPLACE } from "./option-values.ts";

interface AttachCommandOptions {
  readonly trunk: string;
  readonly head: string;
  readonly output: string;
  readonly tokenizer?: string;
  readonly tokenization?: TokenizationMode;
  readonly profile?: NonNullable<AttachOptions["profile"]>;
  readonly scorePosition?: NonNullable<AttachOptions["scorePosition"]>;
  readonly normalizeReward?: boolean;
  readonly replaceHead?: true;
  readonly splitSize?: number;
  readonly force?: true;
  readonly json?: true;
}

export const attach: Action<AttachCommandOptions> = async (options, context) => {
  const { trunk, head, output, tokenizer, tokenization, profile, replaceHead, splitSize, force } = options;
  const { scorePosition, normalizeReward } = options;
  await checkModelName(output, { option: "--output", command: "attach" });
  return reportFile(options, context, (onProgress) =>
    attachHead({
      ...{ trunk, head, output, overwrite: force === true, signal: context.signal },
      onProgress: (progress) =>
        onProgress(progress.phase === "writing" ? { ...progress, phase: "converting" } : progress),
      ...given({ tokenizer, tokenization, profile, scorePosition, normalizeReward, replaceHead, splitSize }),
    }),
  );
};

export function describeAttach(command: Command): Command {
  return command
    .description(
      "Make a reward model of a GGUF without a head, such as a community quantisation, and its checkpoint's head.",
    )
    .argument(
      "<trunk>",
      "GGUF of the model, in any weight type: a file or hf:OWNER/NAME/FILE.gguf; in parts: the first",
    )
    .requiredOption(
      "--head <place>",
      "checkpoint that has the head: folder or hf:OWNER/NAME (read in small parts); or a head file",
    )
    .requiredOption("-o, --output <file>", "GGUF file to write")
    .option("--tokenizer <place>", "take the tokenizer from this folder or hf:OWNER/NAME")
    .addOption(
      new Option("--tokenization <mode>", "tokenization stored in the file (default: as convert)").choices(
        tokenizationModes,
      ),
    )
    .addOption(new Option("--profile <name>", "reward-model family").choices(profileChoices).default("auto"))
    .addOption(scorePositionOption())
    .option("--normalize-reward", NORMALIZE)
    .option("--no-normalize-reward", RAW)
    .option("--replace-head", "accept a trunk that has a reward head, and replace that")
    .addOption(splitOption())
    .option("--force", REPLACE)
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP);
}

const HELP = `
Shapes, vocabulary and norms of the trunk must be the checkpoint's, and its matrices where they can be compared; a note says how sure
that is. Tensors are copied byte for byte; an output layer is left out.

Examples:
  starling-rm attach trunk.gguf --head path/to/CHECKPOINT -o attached.gguf
  starling-rm attach trunk.gguf --head hf:OWNER/NAME -o attached.gguf`;
