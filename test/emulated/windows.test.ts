/** The package on Windows, as far as Wine is Windows: the addon, the command line, and what files are like there. */

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasHost, hostModules, hostPath, WINDOWS_VERSIONS } from "../../scripts/fetch-hosts.mjs";
import { embeddedModelPath, loadTokenizer } from "../../src/index.ts";
import { expectGoldens, goldenCases, goldenSetup } from "./goldens.ts";
import { installPackage } from "./install.ts";
import { repository } from "./package-copy.ts";
import { missingForWindows, type RunOptions, Wine, windowsPath } from "./wine.ts";

const [VERSION] = WINDOWS_VERSIONS as [string];
const host = `win32-x64-${VERSION}`;
/** This one and newer ones; each opens and numbers files in its own way. */
const hosts = WINDOWS_VERSIONS.map((version) => `win32-x64-${version}`).filter(hasHost);
const missing = missingForWindows(host);
if (missing !== undefined) console.warn(`Not run on Windows: ${missing}.`);

/** Of each checkpoint: Wine takes 30 to 100 ms for each. */
const TEXTS = 20;

const INSTALLED = "C:\\Program Files\\ü 名前\\node_modules\\starling-rm";
const MAIN = `${INSTALLED}\\dist\\cli\\main.js`;
const LIBRARY = `${INSTALLED}\\dist\\src`;
const PROMPT = "Name a fruit.";
const RESPONSES = ["An apple.", "A stone.", "Eine süße Birne."];

let wine: Wine;
/** Where the package is installed, and where files go; letters that no single code page has. */
let installed: string;

beforeAll(async () => {
  if (missing !== undefined) return;
  wine = await Wine.create(host);
  const runtime = "@node-llama-cpp/win-x64";
  const folder = join(wine.drive, "Program Files", "ü 名前");
  installed = await installPackage(folder, { os: "win32", cpu: "x64", modules: hostModules(host), runtime });
  // Wine does not know the processor's matrix unit: this library ends the process with an illegal instruction.
  rmSync(join(folder, "node_modules", runtime, "bins", "win-x64", "ggml-cpu-sapphirerapids.dll"));
});
afterAll(() => wine?.close());

/** What a successful run prints. */
async function succeeds(args: readonly string[], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await cli(args, options);
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

const cli = (args: readonly string[], options?: RunOptions) => wine.node([MAIN, ...args], options);

async function tokenizeHere(text: string): Promise<Int32Array> {
  const tokenizer = await loadTokenizer({ modelPath: await embeddedModelPath({ cacheFolder: wine.folder }) });
  const [tokens] = await tokenizer.tokenize([{ text }]);
  return (tokens as { ids: Int32Array }).ids;
}

describe.skipIf(missing !== undefined)(`Windows, Node ${VERSION}`, () => {
  it("has the reference's scores, within the limits of this system", async () => {
    const cases = goldenCases(TEXTS);
    const [setup, output] = [join(wine.folder, "setup.json"), join(wine.folder, "scores.json")];
    writeFileSync(setup, JSON.stringify({ library: LIBRARY, folder: "C:\\", cases: goldenSetup(cases, windowsPath) }));
    const child = windowsPath(join(import.meta.dirname, "goldens-child.mjs"));
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
    const args = [MAIN, "tokenize", "--model", "tiny", "-t", "a b"];
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

  it.each(hosts)("treats names, open files and locks as Windows does, and says what is wrong: %s", async (name) => {
    const [setup, output] = [join(wine.folder, "setup.json"), join(wine.folder, "outcomes.json")];
    const checkpoint = windowsPath(join(repository, "test", "fixtures", "checkpoints", "adversarial-prefix"));
    rmSync(join(wine.drive, "files"), { recursive: true, force: true });
    rmSync(join(wine.drive, "root.gguf"), { force: true });
    mkdirSync(join(wine.drive, "files"));
    // Wine has the shares of servers there.
    const share = join(wine.drive, "..", "dosdevices", "unc", "server", "share");
    mkdirSync(share, { recursive: true });
    writeFileSync(join(share, "rows.jsonl"), `${JSON.stringify({ prompt: PROMPT, response: RESPONSES[0] })}\r\n`);
    const places = { folder: "C:\\files", share: "\\\\server\\share" };
    writeFileSync(setup, JSON.stringify({ library: LIBRARY, checkpoint, ...places }));
    const child = windowsPath(join(import.meta.dirname, "windows-files-child.mjs"));
    const ended = await wine.program(hostPath(name), [child, windowsPath(setup), windowsPath(output)]);
    expect(ended).toEqual({ code: 0, stdout: "", stderr: "" });
    const outcomes: Record<string, { value?: unknown; message?: string }> = JSON.parse(readFileSync(output, "utf8"));
    const scores = outcomes["plain"]?.value;
    expect(scores).toEqual([expect.any(Number), expect.any(Number)]);
    const refused = (message: RegExp) => ({
      code: "ERR_FILE_NOT_WRITABLE",
      message: expect.stringMatching(message),
    });
    expect(outcomes).toEqual({
      plain: { value: scores },
      slashes: { value: scores },
      relative: { value: scores },
      letters: { value: scores },
      "long form": { value: scores },
      "long form of the root": { value: scores },
      "pattern on a share": { value: 1 },
      "long path": { value: scores },
      "long quantised": { value: 2 },
      "demonstration model": { value: true },
      again: refused(/already exists/),
      "other case": refused(/is the file being read/),
      device: refused(/Windows keeps the name NUL for a device/),
      stream: refused(/Windows allows no ":"/),
      dot: refused(/no dot or space at the end/),
      "two at once": { value: [expect.stringMatching(/is being written|already exists/), "fulfilled"] },
      "briefly open": { value: scores },
      "open for long": refused(/another program has it open/),
      loaded: refused(/another program has it open/),
      "lock of a killed process": { value: { left: true, soon: true } },
      "killed and resumed": { value: { before: false, scores } },
      exact: { value: [0, 0, 0, 0] },
      leftovers: { value: [] },
    });
  });

  it("throws an output away that goes to the device NUL, and knows rows by their own file in another case", async () => {
    const input = join(wine.drive, "rows.jsonl");
    const rows = `\ufeff${JSON.stringify({ prompt: PROMPT, response: RESPONSES[0] })}\r\n`;
    writeFileSync(input, rows);
    const score = ["score", "--model", "tiny", "--threads", "1", "--input", "C:\\rows.jsonl", "--force", "--output"];
    expect(await succeeds([...score, "\\\\.\\NUL"])).toBe("");
    expect(await cli([...score, "c:\\ROWS.JSONL"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is the file being read"),
    });
    expect(readFileSync(input, "utf8")).toBe(rows);
  });

  it("stops at Ctrl-C and keeps the rows that are finished", async () => {
    const rows = Array.from({ length: 2_000 }, (_, i) => ({ prompt: PROMPT, response: `${i} apples. `.repeat(20) }));
    const input = rows.map((row) => JSON.stringify(row)).join("\n");
    const output = join(wine.drive, "stopped.jsonl");
    const args = ["score", "--model", "tiny", "--threads", "1", "--input", "-", "--output", "C:\\stopped.jsonl"];
    const { process: running, ended } = wine.start([MAIN, ...args], { input });
    await expect.poll(() => existsSync(output), { timeout: 50_000 }).toBe(true);
    running.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 130, stderr: expect.stringContaining("stopped by Ctrl-C") });
    const text = readFileSync(output, "utf8");
    expect(text.endsWith("\n")).toBe(true);
    const finished = text.trimEnd().split("\n");
    expect(finished.length).toBeLessThan(rows.length);
    for (const [index, line] of finished.entries()) expect(JSON.parse(line)).toMatchObject({ index });
  });

  it("ends at once while it scores", async () => {
    const items = [{ text: "apple ".repeat(200) }];
    const script = `
      const { loadRewardModel } = await import(${JSON.stringify(`file:///${LIBRARY.replaceAll("\\", "/")}/index.js`)});
      const model = await loadRewardModel({ modelPath: "tiny", gpu: "off", threads: 1 });
      model.score(Array(50).fill(${JSON.stringify(items[0])})).catch(() => {});
      setTimeout(() => {
        console.log(Date.now());
        process.exit(7);
      }, 100);`;
    const { code, stdout, stderr } = await wine.node(["--input-type=module", "--eval", script]);
    expect({ code, stderr }).toEqual({ code: 7, stderr: "" });
    // Threads that Windows had ended already were once waited for: ten seconds for each handler.
    expect(Date.now() - Number(stdout)).toBeLessThan(8_000);
  });
});
