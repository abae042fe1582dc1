/**
 * The built library (dist) under every version of Node that is here: this one, and those that `npm run hosts` fetched. Where
 * the tests of teardown.test.ts use the addon alone, these use the library, as an application does.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOST_VERSIONS, hostPath } from "../../scripts/fetch-hosts.mjs";
import { embeddedModelPath } from "../../src/model-path.ts";
import { packageRoot } from "../../src/package-info.ts";
import { folder, removeFolder } from "./support.ts";

const MIB = 1024 * 1024;
/** Of 70 loads. Measured: closed models leave 2 to 21 MB, and models that are kept 709 MB. */
const MOST_GROWTH = 48 * MIB;

const library = pathToFileURL(join(packageRoot(), "dist", "src", "index.js")).href;
const script = fileURLToPath(new URL("hosts-child.mjs", import.meta.url));
const hosts = [
  { host: `this Node, ${process.version}`, path: process.execPath },
  ...HOST_VERSIONS.map((version) => ({ host: `Node ${version}`, path: hostPath(version) })),
];

let modelPath: string;
beforeAll(async () => {
  modelPath = await embeddedModelPath({ cacheFolder: folder });
});
afterAll(removeFolder);

function run(path: string, scenario: string) {
  const setup = JSON.stringify({ library, modelPath });
  const args = ["--expose-gc", script, scenario, setup];
  const { status, signal, stdout, stderr } = spawnSync(path, args, { encoding: "utf8", timeout: 100_000 });
  return { status, signal, stdout, stderr };
}

describe.each(hosts)("$host", ({ host, path }) => {
  const missing = !existsSync(path);
  const test = (name: string, body: () => void) =>
    it(name, (context) => {
      if (missing) context.skip(`${host} is not here: npm run hosts fetches it`);
      body();
    });

  test("scores in several worker threads at once as in the main thread", () => {
    const result = run(path, "workers");
    expect(result).toMatchObject({ status: 0, signal: null, stderr: "" });
    const { main, workers } = JSON.parse(result.stdout);
    expect(workers).toHaveLength(4);
    for (const scores of workers) expect(scores).toEqual(main);
  });

  test("loads and closes models without growing", () => {
    const result = run(path, "loads");
    expect(result).toMatchObject({ status: 0, signal: null, stderr: "" });
    expect(Number(result.stdout)).toBeLessThan(MOST_GROWTH);
  });

  test("ends with its own exit code while models load and score, in every thread", () => {
    expect(run(path, "exit")).toEqual({ status: 7, signal: null, stdout: "", stderr: "" });
  });
});
