/**
 * The example application's two sides, main process and scorer, under plain Node: child_process.fork stands for
 * utilityProcess.fork. Electron is not needed, and its windows are not tested.
 */
import { type ChildProcess, fork } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ScorerClient } from "../../examples/electron/scorer-client.mjs";
import { splitResponses } from "../../examples/electron/window/responses.mjs";
import { packageRoot } from "../../src/package-info.ts";
import { errorOf, folder, removeFolder } from "./support.ts";

const example = join(packageRoot(), "examples", "electron");
const app = join(folder, "app");
const parentPort = fileURLToPath(new URL("electron-parent-port.mjs", import.meta.url));

beforeAll(() => {
  cpSync(example, app, { recursive: true, filter: (path) => !path.includes("node_modules") });
  mkdirSync(join(app, "node_modules"));
  symlinkSync(packageRoot(), join(app, "node_modules", "starling-rm"), "junction");
});

const children: ChildProcess[] = [];
function start(env: NodeJS.ProcessEnv = {}) {
  const child = fork(join(app, "scorer.mjs"), [], {
    execArgv: ["--import", parentPort],
    env: { ...process.env, STARLING_RM_MODEL: "", STARLING_RM_CACHE: join(folder, "cache"), ...env },
  });
  children.push(child);
  return {
    postMessage: (message: unknown) => void child.send(message as object),
    on: (event: "message" | "exit", listener: (value: unknown) => void) => child.on(event, listener),
    kill: () => child.kill(),
  };
}

let client: ScorerClient | undefined;
afterEach(() => client?.close());
afterAll(async () => {
  await Promise.all(
    children.map(async (child) => child.exitCode ?? child.signalCode ?? new Promise((r) => child.once("exit", r))),
  );
  removeFolder();
});

const request = { prompt: "Name a fruit.", responses: ["I hate you.", "An apple."] };
const endless = { prompt: "Count.", responses: Array.from({ length: 900 }, (_, i) => `${i} `.repeat(500)) };

describe("the example's scorer", () => {
  it("ranks, with progress, several requests at once", async () => {
    client = new ScorerClient(() => start());
    const seen: { done: number; total: number }[] = [];
    const [ranked, same] = await Promise.all([
      client.rank(request, { onProgress: (progress) => seen.push(progress) }),
      client.rank(request),
    ]);
    expect(ranked.map(({ response, index, rank }) => ({ response, index, rank }))).toEqual([
      { response: "An apple.", index: 1, rank: 1 },
      { response: "I hate you.", index: 0, rank: 2 },
    ]);
    expect(same).toEqual(ranked);
    expect(seen.at(-1)).toEqual({ done: 2, total: 2 });
  });

  it("stops what is cancelled and goes on with what is not", async () => {
    client = new ScorerClient(() => start());
    const controller = new AbortController();
    const stopped = client.rank(endless, { signal: controller.signal, onProgress: () => controller.abort() });
    expect((await errorOf(stopped)).code).toBe("AbortError");
    expect(await client.rank(request)).toHaveLength(2);
    const { signal } = controller;
    expect((await errorOf(client.rank(request, { signal }))).name).toBe("AbortError");
  });

  it("gives errors with their code", async () => {
    client = new ScorerClient(() => start({ STARLING_RM_MODEL: join(folder, "none.gguf") }));
    const { code, message } = await errorOf(client.rank(request));
    expect(code).toMatch(/^ERR_/);
    expect(message).toContain("none.gguf");
  });

  it("that ends is started again by the next request", async () => {
    client = new ScorerClient(() => start());
    const lost = client.rank(endless, { onProgress: () => children.at(-1)?.kill("SIGKILL") });
    expect((await errorOf(lost)).message).toContain("the next request starts it again");
    expect(await client.rank(request)).toHaveLength(2);
  });

  it("that is closed rejects what is under way", async () => {
    client = new ScorerClient(() => start());
    const lost = errorOf(client.rank(endless));
    client.close();
    expect((await lost).message).toBe("The scorer was closed.");
  });
});

describe("the example", () => {
  it("cuts pasted text at lines of dashes", () => {
    expect(splitResponses("a\n b\n---\n\nc -- d\n-----\n\n---\n")).toEqual(["a\n b", "c -- d"]);
    expect(splitResponses("  ")).toEqual([]);
  });

  it("needs this version of the package", () => {
    const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
    const { dependencies } = read(join(example, "package.json"));
    expect(dependencies["starling-rm"]).toBe(read(join(packageRoot(), "package.json")).version);
  });
});
