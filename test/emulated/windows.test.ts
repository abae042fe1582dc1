/** The package on Windows, as far as Wine is Windows: the addon, the command line, and what files are like there. */

import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostModules, hostPath, WINDOWS_VERSIONS } from "../../scripts/fetch-hosts.mjs";
import { embeddedModelPath, loadTokenizer } from "../../src/index.ts";
import { expectGoldens, goldenCases, goldenSetup } from "./goldens.ts";
import { ADDON, copyPackage, repository } from "./package-copy.ts";
import { missingForWindows, type RunOptions, Wine, windowsPath } from "./wine.ts";

const [VERSION] = WINDOWS_VERSIONS as [string];
const host = `win32-x64-${VERSION}`;
const missing = missingForWindows(host);
if (missing !== undefined) console.warn(`Not run on Windows: ${missing}.`);

/** Of each checkpoint: Wine takes 30 to 100 ms for each. */
const TEXTS = 20;

const PROMPT = "Name a fruit.";
const RESPONSES = ["An apple.", "A stone.", "Eine süße Birne."];

let wine: Wine;
/** Where the package is installed, and where files go; letters that no single code page has. */
let installed: string;

beforeAll(async () => {
  if (missing !== undefined) return;
  wine = await Wine.create(host);
  installed = join(wine.drive, "Program Files", "ü 名前");
  const modules = hostModules(host);
  // Wine does not know the processor's matrix unit: this library ends the process with an illegal instruction.
  const leaveOut = (name: string) => name === "ggml-cpu-sapphirerapids.dll";
  copyPackage(installed, { addon: ADDON("win32-x64"), modules, runtime: "@node-llama-cpp/win-x64", leaveOut });
});
afterAll(() => wine?.close());

/** What a successful run prints. */
async function succeeds(args: readonly string[], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await cli(args, options);
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

const cli = (args: readonly string[], options?: RunOptions) =>
  wine.node(["C:\\Program Files\\ü 名前\\dist\\cli\\main.js", ...args], options);

async function tokenizeHere(text: string): Promise<Int32Array> {
  const tokenizer = await loadTokenizer({ modelPath: await embeddedModelPath({ cacheFolder: wine.folder }) });
  const [tokens] = await tokenizer.tokenize([{ text }]);
  return (tokens as { ids: Int32Array }).ids;
}

describe.skipIf(missing !== undefined)(`Windows, Node ${VERSION}`, () => {
  it("has the reference's scores, within the limits of this system", async () => {
    const cases = goldenCases(TEXTS);
    const [setup, output] = [join(wine.folder, "setup.json"), join(wine.folder, "scores.json")];
    const library = "C:\\Program Files\\ü 名前\\dist\\src";
    writeFileSync(setup, JSON.stringify({ library, folder: "C:\\", cases: goldenSetup(cases, windowsPath) }));
    const child = windowsPath(join(repository, "test", "emulated", "goldens-child.mjs"));
    const ended = await wine.node([child, windowsPath(setup), windowsPath(output)]);
    expect(ended).toEqual({ code: 0, stdout: "", stderr: "" });
    expectGoldens(cases, JSON.parse(readFileSync(output, "utf8")));
  });

  it("is ready to score, says the doctor", async () => {
    expect(JSON.parse(await succeeds(["doctor", "--json"]))).toMatchObject({ ready: true });
  });

  it("loads in a program of another name, as Electron is one", async () => {
    const program = join(wine.drive, "Another Name.exe");
    cpSync(hostPath(host), program);
    const args = ["C:\\Program Files\\ü 名前\\dist\\cli\\main.js", "tokenize", "--model", "tiny", "-t", "a b"];
    const [named, other] = [await cli(args.slice(1)), await wine.program(program, args)];
    expect(other).toEqual(named);
    expect(named).toMatchObject({ code: 0, stderr: "" });
  });

  it("prints its version and help", async () => {
    const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
    expect(await cli(["--version"])).toMatchObject({ code: 0, stdout: expect.stringContaining(version), stderr: "" });
    expect(await cli(["score", "--help"])).toMatchObject({ code: 0, stdout: expect.stringContaining("--model") });
  });

  it("converts, again over the file, quantises, inspects and scores under names of any letters", async () => {
    const checkpoint = "models\\starling-rm-tiny";
    const [f16, q8] = ["C:\\dossier été\\模型 f16.gguf", "C:/dossier été/模型 q8_0.gguf"];
    mkdirSync(join(wine.drive, "dossier été"));
    const options = { cwd: installed };
    for (const force of [[], ["--force"]])
      expect(await cli(["convert", checkpoint, "--output", f16, "--type", "f16", ...force], options)).toMatchObject({
        code: 0,
        stderr: "",
      });
    expect(await cli(["quantize", f16, "--output", q8, "--type", "q8_0"], options)).toMatchObject({
      code: 0,
      stderr: "",
    });
    expect((await cli(["inspect", q8, "--json"])).stdout).toContain("q8_0");
    const rows = [PROMPT, ...RESPONSES].map((response) => ({ prompt: PROMPT, response }));
    const input = rows.map((row) => `${JSON.stringify(row)}\r\n`).join("");
    const stdout = await succeeds(["score", "--model", q8, "--threads", "1", "--input", "-"], { input });
    expect(stdout.trimEnd().split("\n")).toHaveLength(rows.length);
  });

  it("ranks and tokenises", async () => {
    const responses = RESPONSES.flatMap((response) => ["--response", response]);
    const ranked = await succeeds(["rank", "--model", "tiny", "--threads", "1", "--prompt", PROMPT, ...responses]);
    expect(ranked).toContain(RESPONSES[2]);
    const tokens = await succeeds(["tokenize", "--model", "tiny", "--text", "Grüße, 名前"]);
    expect(JSON.parse(tokens)).toEqual([...(await tokenizeHere("Grüße, 名前"))]);
  });
});
