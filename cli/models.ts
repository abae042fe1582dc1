/** `starling-rm models` */
import { type Command, Option } from "commander";
import { type KnownModel, knownModels, weightTypes } from "../src/entry/convert.ts";
import type { Action } from "./context.ts";
import { EXIT_DONE } from "./errors.ts";
import { byteSize } from "./library.ts";
import { openOutput } from "./output.ts";

interface ModelsOptions {
  readonly type: string;
  readonly json?: true;
}

export const models: Action<ModelsOptions> = async ({ type, json }) => {
  const known = knownModels({ type });
  await (await openOutput()).write(json ? `${JSON.stringify(known, null, 2)}\n` : table(known, type));
  return EXIT_DONE;
};

const UNKNOWN = "-";

function table(known: readonly KnownModel[], type: string): string {
  const rows = known.map((model) => [
    model.name,
    byteSize(model.size),
    byteSize(model.memory),
    model.rewardBench?.value.toFixed(1) ?? UNKNOWN,
    model.rewardBench2?.value.toFixed(1) ?? UNKNOWN,
    model.licence ?? UNKNOWN,
    `${model.goodFor}${model.converts ? "" : " (not converted by this version)"}`,
  ]);
  const header = ["name", type, "memory", "RB", "RB 2", "licence", "good for"];
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `${cells.map((cell, i) => (i === cells.length - 1 ? cell : cell.padEnd(widths[i] as number))).join("  ")}\n`;
  return `${line(header)}${rows.map(line).join("")}${LEGEND}`;
}

const LEGEND = `
RB, RB 2: published averages of RewardBench and RewardBench 2, in per cent (--json names the source of each). memory: for texts of
4096 tokens on a CPU. ${UNKNOWN}: not known here; see the model's page.
`;

export function describeModels(command: Command): Command {
  return command
    .description("List published reward models: size, memory, published results, what each is good for.")
    .addOption(new Option("-t, --type <type>", `weight type of the sizes: ${weightTypes.join(", ")}`).default("q4_k_m"))
    .option("--json", "print all that is known as JSON, with sources")
    .addHelpText("after", HELP);
}

const HELP = `
The names are those that pull and convert know:
  starling-rm pull skywork-v2-llama-3.2-3b --type q4_k_m
  starling-rm convert hf:athene-rm-8b -o athene-rm-8b.q4_k_m.gguf --stream

Other models of the same families convert, too: see starling-rm convert --help.`;
