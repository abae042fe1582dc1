/** Two processes at one file. */
import { type ChildProcess, fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convert } from "../../src/make-gguf.ts";
import { randomOf } from "../random.ts";
import { ended, folder, repository, run, start } from "./run-cli.ts";

const checkpoint = join(repository, "test", "fixtures", "checkpoints", "gqa4-bf16-sharded");
const types = ["f16", "f32"] as const;
/** Of two conversions; about 80 in 100 meet each other. */
const ROUNDS = 100;
/** How long processes that take a lock are killed, two dozen times a second on a quiet machine. */
const KILLING_MS = 8000;
const references = new Map<string, Buffer>();
const children: ChildProcess[] = [];

type Answer = { readonly done?: unknown; readonly code?: string; readonly message?: string };

beforeAll(async () => {
  for (const type of types) {
    const output = join(folder, `reference.${type}.gguf`);
    await convert({ checkpoint, output, type });
    references.set(type, readFileSync(output));
  }
  for (const _ of types) {
    const child = fork(join(import.meta.dirname, "race-child.mjs"), { execArgv: [] });
    children.push(child);
    await once(child, "message");
  }
});
afterAll(() => {
  for (const child of children) child.kill();
});

async function make(child: number, maker: "convert" | "quantize", options: object): Promise<Answer> {
  const answer = once(children[child] as ChildProcess, "message");
  children[child]?.send({ maker, options });
  return (await answer)[0] as Answer;
}

const emptyFolder = (name: string) => {
  const at = join(folder, name);
  mkdirSync(at);
  return at;
};
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("two conversions of different types to one name", () => {
  it.each([
    ["a new file", false],
    ["a file that may be replaced", true],
  ] as const)("give one right file and one clear refusal: %s", { timeout: 240_000 }, async (_, overwrite) => {
    const at = emptyFolder(`raced-${overwrite}`);
    symlinkSync(at, `${at}-link`);
    const random = randomOf(overwrite ? 1 : 2);
    let refusals = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const name = `${round}.gguf`;
      // Each knows the file by another name.
      const outputs = [relative(process.cwd(), join(at, name)), join(`${at}-link`, name)];
      if (round % 3 === 0) symlinkSync(name, join(at, `${round}-link.gguf`));
      if (round % 3 === 0) outputs[1] = join(at, `${round}-link.gguf`);
      const first = random(2);
      const delay = random(4) === 0 ? random(25) : 0;
      const answers = await Promise.all(
        types.map(async (type, i) => {
          if (i !== first && delay > 0) await pause(delay);
          return make(i, "convert", { checkpoint, output: outputs[i], type, overwrite });
        }),
      );
      const content = readFileSync(join(at, name));
      const made = answers.map(({ done }, i) => (done === undefined ? undefined : types[i]));
      const whole = types.find((type) => references.get(type)?.equals(content));
      expect(made, JSON.stringify(answers)).toContain(whole);
      const refused = answers.filter(({ done }) => done === undefined);
      // When the one was done before the other began, both may be right.
      expect(refused.length).toBeGreaterThanOrEqual(overwrite ? 0 : 1);
      expect(refused.length).toBeLessThan(2);
      for (const { code, message } of refused) {
        expect(code).toBe("ERR_FILE_NOT_WRITABLE");
        expect(message).toMatch(/is being written by process \d+ on .* since |already exists/);
        if (/is being written/.test(message as string)) refusals += 1;
      }
    }
    // Otherwise nothing was shown.
    expect(refusals).toBeGreaterThan(ROUNDS / 4);
    expect(readdirSync(at).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("are one file with a quantisation to it, and with a conversion in the same process", async () => {
    const at = emptyFolder("kinds");
    const output = join(at, "model.gguf");
    const input = join(folder, "reference.f16.gguf");
    const expectOne = (answers: readonly Answer[]) => {
      expect(answers.filter(({ done }) => done === undefined)).toMatchObject([
        { message: expect.stringMatching(/is being written by process \d+|already exists/) },
      ]);
      rmSync(output);
    };
    for (let round = 0; round < 5; round++) {
      expectOne(
        await Promise.all([
          make(0, "convert", { checkpoint, output, type: "f16" }),
          make(1, "quantize", { input, output, type: "q8_0", threads: 1 }),
        ]),
      );
      const both = await Promise.allSettled(types.map((type) => convert({ checkpoint, output, type })));
      expectOne(both.map((one) => (one.status === "fulfilled" ? { done: one.value } : one.reason)));
    }
    expect(readdirSync(at)).toEqual([]);
  });
});

describe("a lock whose holder died", () => {
  it("is taken over at once, and its partial files are removed", async () => {
    const at = emptyFolder("dead");
    const output = join(at, "model.gguf");
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    const child = start(["convert", join(repository, "models", "starling-rm-tiny"), "-o", output, "--type", "q4_k_m"]);
    const end = ended(child);
    // The lock has a second name for an instant, which would stay if the process died in it.
    const isLocked = () =>
      readdirSync(at)
        .filter((name) => name.startsWith(".model.gguf.lock"))
        .join() === ".model.gguf.lock";
    while (child.exitCode === null && !isLocked()) await pause(1);
    const lock = readFileSync(join(at, ".model.gguf.lock"), "utf8");
    child.kill("SIGKILL");
    await end;
    expect(JSON.parse(lock)).toMatchObject({ process: child.pid, since: expect.any(String), host: expect.any(String) });
    writeFileSync(join(at, ".model.gguf.lock"), JSON.stringify({ ...JSON.parse(lock), process: pid }));
    writeFileSync(join(at, ".model.gguf.0123456789ab.partial"), "of a killed quantisation");
    const started = performance.now();
    expect(await run(["convert", checkpoint, "-o", output, "--type", "f16"])).toMatchObject({ code: 0 });
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(readdirSync(at)).toEqual(["model.gguf"]);
  });

  it("is nobody's when it ended by process.exit, or threw", async () => {
    const at = emptyFolder("ended");
    const source = join(repository, "dist", "src", "files", "output-file.js");
    for (const end of ["process.exit()", "throw new Error()"]) {
      const script = `
        import { OutputFile } from ${JSON.stringify(source)};
        const output = await OutputFile.claim(${JSON.stringify(join(at, "model"))}, { overwrite: false });
        await output.create();
        process.stdout.write("held");
        setTimeout(() => { ${end}; }, 100);
      `;
      const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
      await once(child.stdout, "data");
      expect(readdirSync(at)).toHaveLength(2);
      await once(child, "exit");
      expect(readdirSync(at)).toEqual([]);
    }
  });

  it("is taken over by one of many, however often they are killed", { timeout: 120_000 }, async () => {
    const at = emptyFolder("many");
    const [lock, inside] = [join(at, "a.lock"), join(at, "inside")];
    const random = randomOf(7);
    const problems: string[] = [];
    let [held, killed] = [0, 0];
    const running = new Set<ChildProcess>();
    const begin = () => {
      const mode = random(3) === 0 ? "wait" : "try";
      const child = fork(join(import.meta.dirname, "lock-child.mjs"), [lock, inside, mode], { execArgv: [] });
      running.add(child);
      child.on("message", (message) => {
        if (message === "held") held += 1;
        else if (message !== "refused") problems.push(String(message));
      });
    };
    for (let i = 0; i < 6; i++) begin();
    const started = performance.now();
    while (performance.now() - started < KILLING_MS) {
      await pause(random(120));
      const victim = [...running][random(running.size)] as ChildProcess;
      running.delete(victim);
      const exit = once(victim, "exit");
      victim.kill("SIGKILL");
      await exit;
      killed += 1;
      begin();
    }
    for (const child of running) {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    }
    expect(problems).toEqual([]);
    expect(held).toBeGreaterThan(killed / 4);
    expect(killed).toBeGreaterThan(20);
  });
});
