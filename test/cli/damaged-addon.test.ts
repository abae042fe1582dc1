/**
 * Addons that are damaged or not of this platform, in an installed package. The command line says what is wrong with which file
 * and what to do; a truncated one does not end the process.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { findAddon } from "../../src/native/load-addon.ts";
import { currentTarget, prebuildName, prebuildPath } from "../../src/native/prebuilds.ts";
import { type Ended, ended, folder, repository } from "./run-cli.ts";

const project = join(folder, "project");
const modules = join(project, "node_modules");
const root = join(modules, "starling-rm");
const prebuilt = prebuildPath(root, prebuildName(currentTarget()));
const own = join(root, "build", "Release", "starling_rm.node");
const genuine = readFileSync(findAddon() as string);
const half = genuine.subarray(0, genuine.length / 2);
const again = `Install it again: delete ${root} and run \`npm install\` in ${project}.`;

/** The package as `npm run pack` makes it, installed by npm. */
beforeEach(() => {
  rmSync(project, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  const { scripts, ...manifest } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  expect(scripts).toBeDefined();
  writeFileSync(join(root, "package.json"), JSON.stringify(manifest));
  for (const name of ["package.json", "package-lock.json"]) writeFileSync(join(project, name), "{}");
  cpSync(join(repository, "dist"), join(root, "dist"), { recursive: true });
  for (const name of ["native", "models"]) symlinkSync(join(repository, name), join(root, name));
  for (const name of readdirSync(join(repository, "node_modules")))
    if (!name.startsWith(".")) symlinkSync(join(repository, "node_modules", name), join(modules, name));
});

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

function run(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [join(root, "dist", "cli", "main.js"), ...args], {
    env: { ...process.env, STARLING_RM_CACHE: join(folder, "cache"), STARLING_RM_PROBE: "off" },
  });
  child.stdin.end();
  return ended(child);
}

const score = ["score", "--model", "tiny", "--gpu", "off", "--threads", "1", "-p", "Hi", "-r", "Yes"];

describe("the only addon", () => {
  it.each<[string, string | Uint8Array, string]>([
    ["is truncated", half, "is truncated: it has "],
    ["is empty", "", "is not a shared library: it is empty. "],
    [
      "is a pointer of Git LFS",
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
      "is not a shared library: it is a Git LFS pointer. ",
    ],
    ["is a web page", "<html><body>Sign in</body></html>", "is not a shared library: it is a web page. "],
  ])("%s: an error that says so and what to do, and so does doctor", async (_, content, what) => {
    put(prebuilt, content);
    const scored = await run(...score);
    expect([scored.code, scored.stdout]).toEqual([2, ""]);
    expect(scored.stderr).toContain(`The native addon ${prebuilt} ${what}`);
    expect(scored.stderr).toContain(again);
    const found = await run("doctor", "--json");
    expect(found.code).toBe(1);
    const { ready, addon, problems } = JSON.parse(found.stdout);
    expect([ready, addon.loads]).toEqual([false, false]);
    expect(problems).toContainEqual({ what: expect.stringContaining(`${prebuilt} ${what}`), command: "npm install" });
  });
});

describe("an addon in build/Release", () => {
  it.each([
    ["is truncated", half, "is truncated: it has "],
    ["is empty", "", "is not a shared library: it is empty."],
  ])("that %s is passed by for the prebuilt one, and doctor says so", async (_, content, what) => {
    put(own, content);
    put(prebuilt, genuine);
    const scored = await run(...score);
    expect([scored.code, scored.stderr]).toEqual([0, expect.not.stringContaining(".node")]);
    expect(JSON.parse(scored.stdout)).toHaveProperty("score");
    const { addon } = JSON.parse((await run("doctor", "--json")).stdout);
    expect(addon).toEqual({ path: prebuilt, loads: true, passedBy: expect.stringContaining(`${own} ${what}`) });
    expect((await run("doctor")).stdout).toContain(`${own} ${what}`);
  });
});
