/** `starling-rm demo` */
import { join } from "node:path";
import type { Command } from "commander";
import { weightTypes } from "../src/entry/convert.ts";
import type { Action } from "./context.ts";
import { embeddedCheckpoint, ItemSource } from "./library.ts";
import { addEngineOptions, EMBEDDED_MODEL, type EngineOptions, embeddedModel } from "./model-option.ts";
import { addFormatOptions, chooseFormat, type OutputOptions } from "./output-options.ts";
import type { Row } from "./row.ts";
import { toRow } from "./row.ts";
import { rowList } from "./row-options.ts";
import { runScoring, scoringForm } from "./run-scoring.ts";

type DemoOptions = EngineOptions & OutputOptions & { readonly type: string };

export const demo: Action<DemoOptions> = async (options, context) => {
  // A demonstration is for people: always a table, unless another format is given.
  const shown = { ...options, format: options.format ?? (options.json ? "json" : "table") } as const;
  const form = await scoringForm("rank", shown, context);
  const source = rowList(await demoRows());
  const path = await embeddedModel(context, options.type);
  const exitCode = await runScoring({ command: "rank", source, modelPath: path, form }, shown, context);
  if (chooseFormat(shown, context.terminal) === "table") context.terminal.note(NEXT);
  return exitCode;
};

const NEXT =
  `next: starling-rm rank --model ${EMBEDDED_MODEL} --prompt "…" --response "…" --response "…"; ` +
  "for the real model: starling-rm convert --help";

/** The prompts that ship with the demonstration model. */
async function demoRows(): Promise<Row[]> {
  const source = await ItemSource.open([join(embeddedCheckpoint(), "demo.json")], {}, {});
  const rows: Row[] = [];
  for await (const row of source.rows()) rows.push({ ...toRow(row, rows.length), where: `prompt ${row.row}` });
  return rows;
}

export function describeDemo(command: Command): Command {
  command
    .description("Rank a few responses with the small demonstration model that ships with the package.")
    .option("--type <type>", `weight type: ${weightTypes.join(", ")}`, "f16");
  addFormatOptions(command);
  addEngineOptions(command);
  return command.addHelpText("after", HELP);
}

const HELP = `
The model is converted on first use and cached in $STARLING_RM_CACHE.

Examples:
  starling-rm demo
  starling-rm demo --type q4_k_m --json`;
