/** `starling-rm doctor` */
import { basename } from "node:path";
import type { Command } from "commander";
import { type Diagnosis, diagnose, type MemoryPrediction, type RuntimeFinding } from "../src/index.ts";
import type { Action, CommandContext } from "./context.ts";
import { counted } from "./counted.ts";
import { EXIT_DONE } from "./errors.ts";
import { byteSize } from "./library.ts";
import { addEngineOptions, EMBEDDED_MODEL, type EngineOptions, embeddedModel, engineSettings } from "./model-option.ts";
import { openOutput } from "./output.ts";
import { safeJson } from "./output-formats.ts";

import { propertyTable } from "./table.ts";
import { visible } from "./visible-text.ts";

interface DoctorOptions extends EngineOptions {
  readonly model?: string;
  readonly json?: true;
}

/** Nothing can score here. */
const EXIT_NOT_READY = 1;

export const doctor: Action<DoctorOptions> = async ({ model, json, ...engine }, context) => {
  // A model that cannot be one is part of the report, and one on the hub is only looked at.
  const path = model === EMBEDDED_MODEL ? await embeddedModel(context) : model;
  const found = await examine(path, engine, context);
  const text = json ? `${safeJson(JSON.stringify(found, null, 2))}\n` : describeDiagnosis(found);
  await (await openOutput()).write(text);
  return found.ready ? EXIT_DONE : EXIT_NOT_READY;
};

async function examine(
  path: string | undefined,
  engine: EngineOptions,
  { terminal, signal }: CommandContext,
): Promise<Diagnosis> {
  terminal.showStatus(() => "trying the runtimes");
  try {
    return await diagnose({ ...(path === undefined ? {} : { modelPath: path }), load: engineSettings(engine), signal });
  } finally {
    terminal.endStatus();
  }
}

/** For people: the machine, then what is missing, then the verdict. */
export function describeDiagnosis(found: Diagnosis): string {
  const { runtimes, problems } = found;
  const sections = [propertyTable(describeSystem(found))];
  if (runtimes.length > 0)
    sections.push(`runtimes\n${indent(propertyTable(runtimes.map((one) => describeRuntime(one, found))))}`);
  const devices = runtimes.flatMap(describeDevices);
  if (devices.length > 0) sections.push(`devices\n${indent(propertyTable(devices))}`);
  if (found.model !== undefined) sections.push(`model\n${indent(propertyTable(describeModel(found.model)))}`);
  if (problems.length > 0) sections.push(`to fix\n${problems.map(describeProblem).join("")}`);
  sections.push(`${verdict(found)}\n`);
  return sections.join("\n");
}

function describeSystem({ machine, memory, addon, ownKernels }: Diagnosis): [string, string][] {
  const { os, arch, release, libc, node, electron, processor, threads, features } = machine;
  const free = memory.free === undefined ? "" : `${byteSize(memory.free)} free of `;
  return [
    ["platform", [`${os} ${arch}`, `kernel ${release}`, libc].filter(Boolean).join(", ")],
    ["node", electron === undefined ? node : `${node} in Electron ${electron}`],
    ["processor", `${processor}, ${counted(threads, "thread")}`],
    ["instructions", features === undefined ? "unknown" : features.join(" ") || "none that llama.cpp has kernels for"],
    ["memory", `${free}${byteSize(memory.total)}`],
    ["addon", addon.loads ? addon.path : 'does not load (see "to fix")'],
    ...(addon.passedBy === undefined ? [] : [["", addon.passedBy] satisfies [string, string]]),
    ...(ownKernels === undefined ? [] : [["kernels", describeOwnKernels(ownKernels)] satisfies [string, string]]),
  ];
}

function describeOwnKernels({ names, reason }: NonNullable<Diagnosis["ownKernels"]>): string {
  if (reason !== undefined) return `llama.cpp's; our own are not used: ${reason}`;
  return `${names.join(", ")}: our own, for models that gain with them (see --model)`;
}

function describeRuntime(runtime: RuntimeFinding, { choice, reasons }: Diagnosis): [string, string] {
  const { backend, state, package: name, version, folder, cpuLibrary, cpuFeatures = [], problem } = runtime;
  const chosen = backend === choice ? " (chosen by --gpu auto)" : "";
  const origin = version === undefined ? folder : `${name} ${version}`;
  // Why auto skips a backend matters only if it works when named.
  const passed = state === "works" ? reasons.find((reason) => reason.backend === backend)?.reason : undefined;
  const why = problem ?? passed;
  const uses = cpuFeatures.length === 0 ? "" : ` (${cpuFeatures.join(" ")})`;
  const library = cpuLibrary === undefined ? undefined : `${basename(cpuLibrary)}${uses}`;
  return [backend, [`${state}${chosen}`, origin, library, why].filter((part) => part !== undefined).join("; ")];
}

function describeDevices({ devices }: RuntimeFinding): [string, string][] {
  return devices.map(({ name, description, memoryFree, memoryTotal, software }, i) => {
    const memory = memoryTotal > 0 ? `${byteSize(memoryFree)} free of ${byteSize(memoryTotal)}` : "memory unknown";
    const main = devices.length > 1 ? ` (--main-device ${i})` : "";
    return [name, `${description}, ${memory}${software ? ", runs on the CPU" : ""}${main}`];
  });
}

function describeModel({
  path,
  fileType,
  memory,
  kernels,
  problem,
}: NonNullable<Diagnosis["model"]>): [string, string][] {
  return [
    ["path", path],
    ...(fileType === undefined ? [] : ([["weights", fileType]] satisfies [string, string][])),
    ...(memory === undefined ? [] : describeNeed(memory)),
    ...(kernels === undefined ? [] : describeKernels(kernels)),
    ["verdict", problem ?? "fits"],
  ];
}

/** Row lengths matter only for kernels with a problem. */
function describeKernels({
  kernels,
  reasons,
  ownKernelsReason,
}: NonNullable<NonNullable<Diagnosis["model"]>["kernels"]>): [string, string][] {
  const gains = new Map<string, number[]>();
  for (const { type, kernel, gain } of kernels) {
    const name = `${type} by ${kernel}`;
    gains.set(name, [...(gains.get(name) ?? []), ...(gain === undefined ? [] : [gain])]);
  }
  const described = [...gains].map(([name, of]) => (of.length === 0 ? name : `${name} (${gainRange(of)})`));
  const own = ownKernelsReason === undefined ? [] : [`our own kernels are not used: ${ownKernelsReason}`];
  return [
    ["kernels", described.join(", ")],
    ...[...own, ...reasons].map((reason): [string, string] => ["note", reason]),
  ];
}

/** How many times as fast as llama.cpp's, over the row lengths. */
function gainRange(gains: readonly number[]): string {
  const [least, most] = [Math.min(...gains).toFixed(1), Math.max(...gains).toFixed(1)];
  return `${least === most ? least : `${least} to ${most}`} times as fast as llama.cpp's`;
}

function describeNeed({ total, backend, contextTokens, available, gpu }: MemoryPrediction): [string, string][] {
  const free = available === undefined ? "" : `; ${byteSize(available)} free`;
  const need = `${byteSize(total)} at most on ${backend}, for texts of up to ${contextTokens} tokens${free}`;
  if (gpu === undefined) return [["need", need]];
  return [
    ["need", need],
    ["layers", `${gpu.layers} of ${gpu.of} on ${gpu.devices.map(({ name }) => name).join(", ")}`],
    ...gpu.devices.map(({ name, need: bytes, free: left }): [string, string] => [
      name,
      `${byteSize(bytes)}${left === undefined ? "" : ` of ${byteSize(left)} free`}`,
    ]),
    ["machine", byteSize(gpu.host)],
    ...(gpu.moreRoom === undefined
      ? []
      : [["note", `to fit all layers, until the next restart, run: ${gpu.moreRoom}`] as [string, string]]),
  ];
}

function describeProblem({ what, command }: Diagnosis["problems"][number]): string {
  return `  - ${visible(what)}\n${command === undefined ? "" : `    run: ${visible(command)}\n`}`;
}

function verdict({ ready, choice, model }: Diagnosis): string {
  const taken = choice === undefined ? "" : `; --gpu auto uses ${choice === "cpu" ? "the CPU" : choice}`;
  if (ready) return `ready: ${model === undefined ? "texts" : "the model"} can be scored${taken}`;
  if (model?.problem !== undefined && choice !== undefined) return "not ready: the model cannot be loaded";
  return choice === undefined
    ? "not ready: nothing can score here"
    : `not ready: this backend does not work here${taken}`;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}

export function describeDoctor(command: Command): Command {
  command
    .description("Report what this machine can score with, what is missing, and how to fix it.")
    .option("-m, --model <file>", 'GGUF file to check, or "tiny": whether it is intact and fits')
    .option("--json", "print the result as JSON");
  return addEngineOptions(command).addHelpText("after", HELP);
}

const HELP = `
Each runtime is tried in a child process, where a broken driver does no harm. Results are cached until a driver or library
changes. STARLING_RM_PROBE=fresh ignores the cache; STARLING_RM_PROBE=off opens runtimes without trying them first.

Exit codes: 0 this machine can score, 1 it cannot, 2 usage error or failure.

Examples:
  starling-rm doctor
  starling-rm doctor --model starling-rm-34b.q4_k_m.gguf
  starling-rm doctor --model starling-rm-34b.q4_k_m.gguf --gpu cuda --json`;
