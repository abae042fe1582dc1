/** Conversions that are killed, stopped and resumed. */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { readGguf } from "../../src/gguf/reader.ts";
import { makeCheckpoint } from "../made-checkpoint.ts";
import { randomOf } from "../random.ts";
import { ended, folder, run, start } from "./run-cli.ts";

const checkpoint = join(folder, "checkpoint");
const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
const convert = (output: string, ...more: string[]) => ["convert", checkpoint, "-o", output, "--source", "a", ...more];
let whole: string;
let seconds: number;

beforeAll(async () => {
  // Quantised by default, which takes more than a second.
  makeCheckpoint(checkpoint, { hidden: 512, feedForward: 1536, layers: 6, heads: 8, keyValueHeads: 2 });
  const output = join(folder, "whole.gguf");
  const started = performance.now();
  expect(await run(convert(output))).toMatchObject({ code: 0 });
  seconds = (performance.now() - started) / 1000;
  whole = sha256(output);
});

function place(name: string): { at: string; output: string; partial: string; journal: string } {
  const at = join(folder, name);
  mkdirSync(at);
  const partial = join(at, ".model.gguf.partial");
  return { at, output: join(at, "model.gguf"), partial, journal: `${partial}.journal` };
}

it("leave no file that claims to be whole when they are killed, and come to the same bytes", async () => {
  const { at, output, partial } = place("killed");
  const random = randomOf(3);
  for (let round = 0; round < 20; round++) {
    // Sometimes anew, mostly going on.
    const child = start(convert(output, ...(round % 5 === 0 ? [] : ["--resume"])));
    const end = ended(child);
    await new Promise((resolve) => setTimeout(resolve, random(Math.ceil(1000 * seconds))));
    child.kill("SIGKILL");
    const { code } = await end;
    if (code === 0) expect(existsSync(output)).toBe(true);
    // Faster than the clock, or stopped between the file's last change and its name or the exit: it is whole, then.
    for (const path of [output, partial]) if (await isGguf(path)) expect(sha256(path)).toBe(whole);
    if (!existsSync(output)) continue;
    expect(await isGguf(output)).toBe(true);
    rmSync(output);
  }
  const { code, stderr } = await run(convert(output, "--resume"));
  expect([code, stderr]).toEqual([0, ""]);
  expect(sha256(output)).toBe(whole);
  expect(readdirSync(at)).toEqual(["model.gguf"]);
}, 240_000);

/** Whether a file is there and claims to be a whole GGUF. */
function isGguf(path: string): Promise<boolean> {
  return readGguf(path).then(
    () => true,
    () => false,
  );
}

/** Interrupts a run once it has recorded something. One that was faster is done again. */
async function interrupted(journal: string, args: readonly string[], signal: NodeJS.Signals): Promise<number | null> {
  for (;;) {
    const child = start(args);
    const end = ended(child);
    while (child.exitCode === null && !(existsSync(journal) && readFileSync(journal, "utf8").split("\n").length > 2))
      await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill(signal);
    const { code } = await end;
    if (code !== 0) return code;
    rmSync(args[args.indexOf("-o") + 1] as string);
  }
}

it("leave nothing when they are stopped by Ctrl-C, unless --resume asks for it", async () => {
  const { at, output, journal } = place("stopped");
  expect(await interrupted(journal, convert(output), "SIGINT")).toBe(130);
  expect(readdirSync(at)).toEqual([]);
  expect(await interrupted(journal, convert(output, "--resume"), "SIGINT")).toBe(130);
  expect(readdirSync(at).sort()).toEqual([".model.gguf.partial", ".model.gguf.partial.journal"]);
  expect(await run(convert(output, "--resume"))).toMatchObject({ code: 0 });
  expect(sha256(output)).toBe(whole);
  expect(readdirSync(at)).toEqual(["model.gguf"]);
}, 120_000);

it("check what is there before they go on from it", async () => {
  const { output, partial, journal } = place("checked");
  await interrupted(journal, convert(output, "--resume"), "SIGKILL");
  const bytes = readFileSync(partial);
  // Somebody wrote into it, cut it, and the journal ends in the middle of a line.
  for (let i = 200_000; i < bytes.length; i += 50_000) bytes[i] = (bytes[i] as number) ^ 1;
  writeFileSync(partial, bytes);
  truncateSync(partial, Math.floor(statSync(partial).size / 2));
  writeFileSync(journal, `${readFileSync(journal, "utf8")}{"name":"blk.0.at`);
  expect(await run(convert(output, "--resume"))).toMatchObject({ code: 0 });
  expect(sha256(output)).toBe(whole);
}, 120_000);

it("do not go on from another checkpoint's tensors, or with another type", async () => {
  const { output, journal } = place("changed");
  await interrupted(journal, convert(output, "--resume"), "SIGKILL");
  expect(await run(convert(output, "--resume", "--type", "q8_0"))).toMatchObject({ code: 0, stderr: "" });
  const q8 = sha256(output);
  rmSync(output);
  expect(await run(convert(output, "--type", "q8_0"))).toMatchObject({ code: 0 });
  expect(q8).toBe(sha256(output));
}, 120_000);

it("are refused while another one writes the same file", async () => {
  const { output, journal } = place("busy");
  const child = start(convert(output));
  const end = ended(child);
  while (!existsSync(journal)) await new Promise((resolve) => setTimeout(resolve, 5));
  const second = await run(convert(output));
  expect(second.code).toBe(2);
  expect(second.stderr).toMatch(
    /is being written by process \d+ on \S+ since 2\S+Z\. Wait .* delete \S+\.model\.gguf\.lock\.\n$/,
  );
  child.kill("SIGKILL");
  await end;
}, 120_000);
