/** `starling-rm inspect` */
import { type Command, Option } from "commander";
import {
  type HeadInspection,
  type InspectResult,
  inspectModel,
  type InspectOptions as LibraryOptions,
} from "../src/entry/convert.ts";
import type { FitRecord, MemoryPrediction } from "../src/index.ts";
import { calibrationText } from "./calibration-text.ts";
import type { Action, CommandContext } from "./context.ts";
import { counted } from "./counted.ts";
import { EXIT_DONE } from "./errors.ts";
import { byteSize } from "./library.ts";
import {
  addEngineOptions,
  EMBEDDED_MODEL,
  type EngineOptions,
  embeddedModel,
  engineSettings,
  given,
} from "./model-option.ts";
import { openOutput } from "./output.ts";
import { safeJson } from "./output-formats.ts";
import { quantity } from "./progress-bar.ts";
import { propertyTable } from "./table.ts";

interface InspectOptions extends EngineOptions {
  readonly path: string;
  readonly json?: true;
  readonly memory?: true;
  readonly type?: string;
}

export const inspect: Action<InspectOptions> = async ({ path, json, memory, type, ...engine }, context) => {
  const modelPath = path === EMBEDDED_MODEL ? await embeddedModel(context) : path;
  const found = await inspectShown(modelPath, { load: engineSettings(engine), ...given({ type }) }, context);
  const shown = () => (found.kind === "head" ? describeHead(found) : describeModel(found, memory === true, type));
  const text = json ? `${safeJson(JSON.stringify(found, null, 2))}\n` : shown();
  await (await openOutput()).write(text);
  return EXIT_DONE;
};

/** Local paths that look alike can be written with a leading "./". */
function isRemote(path: string): boolean {
  return /^(?:hf:|https?:\/\/)/i.test(path);
}

async function inspectShown(
  path: string,
  options: Omit<LibraryOptions, "modelPath">,
  { terminal, signal }: CommandContext,
): Promise<InspectResult | HeadInspection> {
  if (isRemote(path)) terminal.showStatus(() => "reading the header");
  try {
    return await inspectModel({ ...options, modelPath: path, signal });
  } finally {
    terminal.endStatus();
  }
}

/** One property per line; absent ones are left out. */
function describeModel(found: InspectResult, inParts: boolean, type = "q4_k_m"): string {
  const { head } = found;
  const properties: Property[] = [
    ["name", found.name],
    ["notice", found.notice],
    ["path", found.path],
    ["kind", found.kind],
    ["architecture", found.architecture],
    ["weights", found.fileType],
    ["parameters", `${quantity(found.parameters)} (${found.parameters})`],
    ["size", byteSize(found.size)],
    ["reward head", head ? headText(head) : "none: this model cannot score"],
    ...describeFit(found.fit),
    ["layers", found.layers],
    ["hidden size", found.embeddingLength],
    ["feed-forward", found.feedForwardLength],
    ["heads", `${found.heads} (${counted(found.kvHeads, "key-value head")})`],
    ["vocabulary", found.vocabularySize],
    ["context", `${found.trainedContext} in training`],
    ["rope base", found.ropeFrequencyBase],
    ["profile", found.profile],
    ["template", templateText(found)],
    ["", found.templateNotice],
    ["tokenization", found.tokenization],
    ["tokenizer file", tokenizerFile(found)],
    ["truncation", truncation(found)],
    [
      "window",
      found.window && `${found.window} tokens: longer texts are refused, llama.cpp would compute them without it`,
    ],
    ["padding id", found.padTokenId],
    ["score position", found.scorePosition],
    ["trunk", trunkText(found.trunkSha256)],
    ["source", [found.source?.name, found.source?.revision].filter(Boolean).join(" ") || undefined],
    ...describeTypes(found),
    [found.kind === "checkpoint" ? `as ${type}` : "types", found.typeNotice],
    ...(found.memory ? describeMemory(found.memory, inParts, found.kind === "checkpoint" ? ` as ${type}` : "") : []),
  ];
  return table(properties);
}

/** One line per type, largest first. */
function describeTypes({ tensorTypes, bytesByType, size }: InspectResult): Property[] {
  const types = Object.entries(bytesByType).sort(([, a], [, b]) => b - a);
  const counts = types.map(([type]) => String(tensorTypes[type]));
  const width = Math.max(0, ...counts.map(({ length }) => length));
  return types.map(([type, bytes], i) => [
    i === 0 ? "tensors" : "",
    `${counts[i]?.padStart(width)} ${type}, ${byteSize(bytes)} (${percent(bytes, size)})`,
  ]);
}

function percent(part: number, whole: number): string {
  return `${whole === 0 ? 0 : ((100 * part) / whole).toFixed(1)} %`;
}

type Property = [name: string, value: string | number | undefined];

/** Enough digits to tell two trunks apart; --json has all. */
const TRUNK_DIGITS = 12;

function trunkText(sha256: string | undefined): string | undefined {
  return sha256 === undefined ? undefined : `sha256 ${sha256.slice(0, TRUNK_DIGITS)}…`;
}

function describeHead({ name, path, profile, tokenization, trunkSha256, head, fit }: HeadInspection): string {
  return table([
    ["name", name],
    ["path", path],
    ["kind", "head file (use with --head)"],
    ["reward head", headText(head)],
    ...describeFit(fit),
    ["for the trunk", trunkText(trunkSha256) ?? "unknown: the file was made by an older version"],
    ["profile", profile],
    ["tokenization", tokenization],
  ]);
}

function headText({ length, norm, mean, bias }: HeadInspection["head"]): string {
  const weights = `${length} values, norm ${norm.toPrecision(4)}, mean ${mean.toPrecision(4)}`;
  return bias === undefined ? weights : `${weights}, bias ${bias.toPrecision(4)}`;
}

function describeFit(fit: FitRecord | undefined): Property[] {
  if (fit === undefined) return [];
  const to = fit.input === undefined ? "" : ` of ${fit.input}`;
  return [
    ["fitted to", `${counted(fit.cases, "row")}${to}, with a ridge of ${fit.ridge.toPrecision(4)}`],
    ["fitted on", `${fit.model} (sha256 ${fit.modelSha256})`],
    ["fitted with the date", fit.templateDate],
    ["calibration", fit.calibration && calibrationText(fit.calibration)],
  ];
}

function table(properties: readonly Property[]): string {
  return propertyTable(properties.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])));
}

function templateText({ template, templateFrom, templateDate, templateNames }: InspectResult): string | undefined {
  if (template === undefined) return undefined;
  const date = {
    required: "needs a date: --template-date",
    optional: "prints a date, a fixed one unless --template-date is given",
  };
  const names = templateNames?.map((name) => JSON.stringify(name)).join(", ");
  return [
    template,
    templateFrom,
    templateDate && date[templateDate],
    names && `the checkpoint has ${names} and none named "default"`,
  ]
    .filter(Boolean)
    .join(", ");
}

function tokenizerFile({ tokenizerFile: file }: InspectResult): string | undefined {
  return file?.sameIds === undefined ? file?.followed : `${file.followed}; ${file.sameIds} gives the same ids`;
}

function truncation({ maxTokens, truncationSide }: InspectResult): string | undefined {
  if (maxTokens === undefined) return undefined;
  return truncationSide === "none" ? `none: at most ${maxTokens} tokens` : `keeps the last ${maxTokens} tokens`;
}

function describeMemory(need: MemoryPrediction, inParts: boolean, as: string): [string, string | undefined][] {
  const { weights, keyValue, compute, total, contextTokens, backend, available, gpu } = need;
  const parts = `weights ${byteSize(weights)}, key-value cache ${byteSize(keyValue)}, compute buffers ${byteSize(compute)}`;
  const where = backend === "cpu" ? "" : `, on ${backend}`;
  return [
    ["memory need", `${byteSize(total)} at most${as}${where}, for texts of up to ${contextTokens} tokens`],
    ["of which", inParts ? parts : undefined],
    ["on the GPU", gpu === undefined ? undefined : `${gpu.layers} of ${gpu.of} layers, estimated from its free memory`],
    ["memory free", inParts && available !== undefined ? byteSize(available) : undefined],
  ];
}

export function describeInspect(command: Command): Command {
  command
    .description("Describe a GGUF file or a checkpoint, local or on the hub; reads only headers.")
    .argument(
      "<path>",
      `GGUF file, checkpoint folder, "${EMBEDDED_MODEL}" for the demonstration model, hf:OWNER/NAME, ` +
        "hf:OWNER/NAME/FILE.gguf, or the URL of a GGUF",
    )
    .optionsGroup("Output:")
    .addOption(new Option("-t, --type <type>", "checkpoint: weight type to predict memory for (default: q4_k_m)"))
    .option("--memory", "break down the predicted memory; the engine options change it")
    .option("--json", "print the result as JSON");
  return addEngineOptions(command).addHelpText("after", HELP);
}

const HELP = `
Examples:
  starling-rm inspect starling-rm-34b.q4_k_m.gguf
  starling-rm inspect tiny --json
  starling-rm inspect hf:Nexusflow/Starling-RM-34B
  starling-rm inspect starling-rm-34b.q4_k_m.gguf --memory --ctx 1024`;
