/** `starling-rm quantize` */
import type { Command } from "commander";
import { quantize as quantizeModel } from "../src/entry/convert.ts";
import type { Action } from "./context.ts";
import { checkModelName, reportFile, splitOption, typeOption } from "./convert.ts";
import { given } from "./model-option.ts";
import { REPLACE, wholeNumber } from "./option-values.ts";

interface QuantizeCommandOptions {
  readonly input: string;
  readonly output: string;
  readonly type: string;
  readonly splitSize?: number;
  readonly threads?: number;
  readonly force?: true;
  readonly json?: true;
}

export const quantize: Action<QuantizeCommandOptions> = async (options, context) => {
  const { input, output, type, splitSize, threads, force } = options;
  const { signal } = context;
  await checkModelName(output, { option: "--output", command: "quantize" });
  return reportFile(
    options,
    context,
    () => quantizeModel({ input, output, type, overwrite: force === true, signal, ...given({ splitSize, threads }) }),
    `quantizing to ${type}`,
  );
};

export function describeQuantize(command: Command): Command {
  return command
    .description("Quantise an f32, f16 or bf16 GGUF made by convert.")
    .argument("<input>", "GGUF file to read")
    .requiredOption("-o, --output <file>", "GGUF file to write")
    .addOption(typeOption(true))
    .addOption(splitOption())
    .option("--threads <n>", "CPU threads (default: all cores)", wholeNumber(1, 512))
    .option("--force", REPLACE)
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP);
}

const HELP = `
The output appears only when it is complete. The reward head stays float32.

Example:
  starling-rm quantize starling-rm-34b.f16.gguf -o starling-rm-34b.q6_k.gguf --type q6_k`;
