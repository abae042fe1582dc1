/** Files that are no sound GGUF: llama.cpp must never see one that makes it abort, and none may load by accident. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readGguf } from "../../src/gguf/reader.ts";
import { readRewardMetadata } from "../../src/gguf/reward-metadata.ts";
import { folder, makeModel, openAddon, removeFolder, runChild } from "./support.ts";

const CUTS = 60;
const MUTATIONS = 400;

let sound: Buffer;
beforeAll(async () => {
  sound = readFileSync(await makeModel(await openAddon()));
});
afterAll(removeFolder);

function writeFiles(name: string, contents: readonly Buffer[]): string[] {
  return contents.map((content, i) => {
    const file = join(folder, `${name}-${i}.gguf`);
    writeFileSync(file, content);
    return file;
  });
}

async function passesOurChecks(file: string): Promise<boolean> {
  try {
    readRewardMetadata(await readGguf(file), file);
    return true;
  } catch {
    return false;
  }
}

/** Ends with "end" only if no file made the process abort. */
function tryAll(files: readonly string[]): string[] {
  const { status, signal, stdout, stderr } = runChild("tryFiles", { files });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: "" });
  const lines = stdout.trimEnd().split("\n");
  expect(lines.at(-1)).toBe("end");
  return lines.slice(0, -1);
}

describe("damaged files", () => {
  it("that are cut off are rejected, by our checks and by the addon alone", async () => {
    const cuts = Array.from({ length: CUTS }, (_, i) => Math.floor((sound.length * i) / CUTS));
    const early = Array.from({ length: 24 }, (_, i) => i);
    const files = writeFiles(
      "cut",
      [...early, ...cuts, sound.length - 1].map((length) => sound.subarray(0, length)),
    );
    for (const file of files) expect(await passesOurChecks(file), file).toBe(false);
    for (const line of tryAll(files)) expect(line).toMatch(/^rejected: \S/);
  });

  it("that are garbage are rejected by the addon alone", () => {
    const noise = (length: number, seed: number) =>
      Buffer.from(Array.from({ length }, (_, i) => ((i + 1) * (seed + 31) * 2654435761) >>> 13));
    const files = writeFiles("garbage", [
      Buffer.alloc(0),
      Buffer.alloc(4096),
      noise(4096, 1),
      Buffer.concat([Buffer.from("GGUF"), noise(4096, 2)]),
      Buffer.concat([sound.subarray(0, 24), noise(4096, 3)]),
      Buffer.from("not a model\n"),
    ]);
    for (const line of tryAll(files)) expect(line).toMatch(/^rejected: \S/);
  });

  it("with changed header bytes never abort the process once our checks let them pass", async () => {
    let state = 12345;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const { dataPosition } = await readGguf(join(folder, "f16.gguf"));
    const passing: string[] = [];
    for (let i = 0; i < MUTATIONS; i++) {
      const changed = Buffer.from(sound);
      // The keys of the architecture come first, the vocabulary takes most of the header: aim at both ends more often.
      const limit = i % 2 === 0 ? 3000 : dataPosition;
      for (let k = 0; k <= random(3); k++) changed[random(limit)] = random(256);
      const [file] = writeFiles(`changed-${i}`, [changed]);
      if (file !== undefined && (await passesOurChecks(file))) passing.push(file);
    }
    expect(passing.length).toBeGreaterThan(5);
    for (const line of tryAll(passing)) expect(line).toMatch(/^(?:rejected: \S|loaded, \S)/);
  });
});
