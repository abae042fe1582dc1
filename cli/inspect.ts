/** `starling-rm inspect` */
import type { Command } from "commander";
import { type InspectResult, inspectModel } from "../src/index.ts";
import type { Action } from "./context.ts";
import { EXIT_DONE } from "./errors.ts";
import { EMBEDDED_MODEL, embeddedModel } from "./model-option.ts";
import { openOutput } from "./output.ts";
import { safeJson } from "./output-formats.ts";
import { byteSize, quantity } from "./progress-bar.ts";
import { propertyTable } from "./table.ts";

interface InspectOptions {
  readonly path: string;
  readonly json?: true;
}

export const inspect: Action<InspectOptions> = async ({ path, json }, context) => {
  const found = await inspectModel(path === EMBEDDED_MODEL ? await embeddedModel(context) : path);
  const text = json ? `${safeJson(JSON.stringify(found, null, 2))}\n` : describeModel(found);
  await (await openOutput(undefined, [])).write(text);
  return EXIT_DONE;
};

/** What was found, one property a line; what a file does not have is left out. */
function describeModel(found: InspectResult): string {
  const { head } = found;
  const properties: [string, string | number | undefined][] = [
    ["name", found.name],
    ["notice", found.notice],
    ["path", found.path],
    ["kind", found.kind],
    ["architecture", found.architecture],
    ["weights", found.fileType],
    ["parameters", `${quantity(found.parameters)} (${found.parameters})`],
    ["size", byteSize(found.size)],
    [
      "reward head",
      head ? `${head.length} values, norm ${head.norm.toPrecision(4)}` : "none: it cannot be scored with",
    ],
    ["layers", found.layers],
    ["hidden size", found.embeddingLength],
    ["feed-forward", found.feedForwardLength],
    ["heads", `${found.heads}, ${found.kvHeads} for keys and values`],
    ["vocabulary", found.vocabularySize],
    ["context", `${found.trainedContext} in training`],
    ["rope base", found.ropeFrequencyBase],
    ["template", found.template],
    ["tokenization", found.tokenization],
    ["truncation", found.maxTokens === undefined ? undefined : `the last ${found.maxTokens} tokens stay`],
    ["padding id", found.padTokenId],
    ["source", [found.source?.name, found.source?.revision].filter(Boolean).join(" ") || undefined],
    [
      "tensors",
      Object.entries(found.tensorTypes)
        .map(([type, count]) => `${count} ${type}`)
        .join(", "),
    ],
  ];
  return propertyTable(properties.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])));
}

export function describeInspect(command: Command): Command {
  return command
    .description("Say what a GGUF file or checkpoint folder is; only headers are read.")
    .argument("<path>", `a GGUF file, a checkpoint folder, or "${EMBEDDED_MODEL}" for the demonstration model`)
    .option("--json", "print as JSON")
    .addHelpText("after", HELP);
}

const HELP = `
Examples:
  starling-rm inspect starling-rm-34b.q4_k_m.gguf
  starling-rm inspect tiny --json`;
