import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { ended, expectWithin, file, folder, jsonLines, parseLines, run, start, tiny } from "./run-cli.ts";

const fromStdin = ["--input", "-"];

/** Rows without end, as fast as they are taken. */
function feedForever(child: ReturnType<typeof start>, line: string): void {
  const block = line.repeat(Math.ceil(65_536 / line.length));
  const feed = () => {
    while (!child.stdin.destroyed && child.stdin.writable && child.stdin.write(block));
  };
  child.stdin.on("drain", feed);
  feed();
}

it("each row comes out while the input is still open", async () => {
  const child = start(["score", ...tiny, ...fromStdin]);
  const end = ended(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  for (let i = 0; i < 3; i++) {
    child.stdin.write(`{"text":"row","id":${i}}\n`);
    const { value } = await lines.next();
    expect(JSON.parse(value as string)).toMatchObject({ index: i, id: i, score: expect.any(Number) });
  }
  child.stdin.write("bad\n");
  expect(JSON.parse((await lines.next()).value as string)).toMatchObject({ index: 3, error: {} });
  child.stdin.end();
  expect((await end).code).toBe(1);
});

it("the elements of a JSON array come out while it is still open", async () => {
  const child = start(["score", ...tiny, ...fromStdin]);
  const end = ended(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.write('[{"text":"a"},');
  expect(JSON.parse((await lines.next()).value as string)).toMatchObject({ index: 0 });
  child.stdin.end('{"text":"b"}]');
  expect((await end).code).toBe(0);
});

describe("a reader that goes away", () => {
  it.each([
    ["score", tiny, "jsonl"],
    ["score", tiny, "json"],
    ["tokenize", ["--model", "tiny"], undefined],
  ] as const)("is no error (%s %s %s), and stops the work", async (command, model, format) => {
    const child = start([command, ...model, ...fromStdin, ...(format ? ["--format", format] : [])]);
    const end = ended(child);
    feedForever(child, '{"text":"a b c"}\n');
    await once(child.stdout, "data");
    child.stdout.destroy();
    const { code, stderr } = await end;
    expect(code).toBe(0);
    expect(stderr).not.toMatch(/EPIPE|Error|unexpected/);
  });

  it("also when it never came", async () => {
    const child = start(["--help"]);
    child.stdout.destroy();
    expect((await ended(child)).code).toBe(0);
  });
});

describe("Ctrl-C", () => {
  it.each([
    ["stdout", undefined],
    ["a file", join(folder, "stopped.jsonl")],
  ])("stops within a second, and leaves whole lines: %s", async (_, output) => {
    await expectWithin(1000, async () => {
      if (output !== undefined) rmSync(output, { force: true });
      const child = start(["score", ...tiny, ...fromStdin, ...(output === undefined ? [] : ["--output", output])]);
      const end = ended(child);
      feedForever(child, `${JSON.stringify({ text: "a b c ".repeat(100) })}\n`);
      if (output === undefined) await once(child.stdout, "data");
      else
        while (!existsSync(output) || readFileSync(output, "utf8") === "") await new Promise((r) => setTimeout(r, 20));
      await new Promise((resolve) => setTimeout(resolve, 200));
      const stopped = performance.now();
      child.kill("SIGINT");
      const { code, stdout, stderr } = await end;
      const taken = performance.now() - stopped;
      expect(code).toBe(130);
      expect(stderr).toMatch(/stopped after \d+ rows(?:; --resume continues from there)?\n.*stopped by Ctrl-C\n$/);
      const rows = parseLines(output === undefined ? stdout : readFileSync(output, "utf8"));
      expect(rows.length).toBeGreaterThan(0);
      expect(rows.map(({ index }) => index)).toEqual(rows.map((_row, i) => i));
      return taken;
    });
  });

  it("closes the array of --json", async () => {
    const child = start(["score", ...tiny, ...fromStdin, "--json"]);
    const end = ended(child);
    feedForever(child, '{"text":"a b c"}\n');
    await once(child.stdout, "data");
    child.kill("SIGINT");
    const { code, stdout } = await end;
    expect(code).toBe(130);
    expect(Array.isArray(JSON.parse(stdout))).toBe(true);
  });

  it("stops while it waits for input", async () => {
    await expectStop("SIGINT", 130, async () => {
      const waiting = start(["score", ...tiny, ...fromStdin]);
      const lines = createInterface({ input: waiting.stdout })[Symbol.asyncIterator]();
      waiting.stdin.write('{"text":"a"}\n');
      await lines.next();
      return waiting;
    });
  });

  it("stops while nobody reads its output", async () => {
    await expectStop("SIGINT", 130, async () => {
      const stalled = start(["tokenize", "--model", "tiny", ...fromStdin]);
      feedForever(stalled, `${JSON.stringify({ text: "a b c ".repeat(100) })}\n`);
      await once(stalled.stdout, "readable");
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return stalled;
    });
  });

  it("SIGTERM does the same", async () => {
    await expectStop("SIGTERM", 143, async () => {
      const child = start(["score", ...tiny, ...fromStdin]);
      feedForever(child, '{"text":"a b c"}\n');
      await once(child.stdout, "data");
      child.stdout.resume();
      return child;
    });
  });

  async function expectStop(
    signal: NodeJS.Signals,
    expected: number,
    begin: () => Promise<ReturnType<typeof start>>,
  ): Promise<void> {
    await expectWithin(1500, async () => {
      const child = await begin();
      const exit = once(child, "exit");
      const stopped = performance.now();
      child.kill(signal);
      expect((await exit)[0]).toBe(expected);
      const taken = performance.now() - stopped;
      child.stdout.destroy();
      return taken;
    });
  }
});

describe.skipIf(process.platform !== "linux")("memory does not grow with the input", () => {
  it.each([
    ["score", tiny, 4000],
    ["tokenize", ["--model", "tiny"], 8000],
  ] as const)("%s", { timeout: 240_000 }, async (command, model, count) => {
    // 20 KiB a row: 30 MB to settle (some hundred rows are read ahead), then 80 to 160 MB.
    const line = `${JSON.stringify({ text: "a b", note: "n".repeat(20_000) })}\n`;
    // A heap that is not collected before it has to be goes up and down by more than what is looked for.
    const child = start([command, ...model, ...fromStdin], { NODE_OPTIONS: "--max-old-space-size=64" });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    feedForever(child, line);
    const residentMiB = () => {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
    };
    const read = async (rows: number) => {
      for (let i = 0; i < rows; i++) expect((await lines.next()).done).toBe(false);
    };
    await read(1500);
    const before = residentMiB();
    await read(count);
    const after = residentMiB();
    child.kill("SIGKILL");
    expect(after - before).toBeLessThan(50);
  });
});

it("a row that is too long fails alone", { timeout: 240_000 }, async () => {
  const child = start(["score", ...tiny, ...fromStdin]);
  const end = ended(child);
  const write = async (text: string) => {
    if (!child.stdin.write(text)) await once(child.stdin, "drain");
  };
  await write('{"text":"a"}\n{"text":"');
  for (let i = 0; i < 65; i++) await write("x".repeat(1024 * 1024));
  await write('"}\n{"text":"b"}\n');
  child.stdin.end();
  const { code, stdout, stderr } = await end;
  expect(code).toBe(1);
  expect(stderr).toMatch(/line 2: It is longer than \d+ bytes/);
  expect(parseLines(stdout)).toMatchObject([{ index: 0 }, { error: { code: "ERR_INVALID_JSON" } }, { index: 2 }]);
});

describe("terminals", () => {
  const input = file("terminal.jsonl", `${jsonLines([{ text: "a" }])}bad\n${jsonLines([{ text: "你好" }])}`);
  const both = { STARLING_RM_FORCE_TTY: "stdout,stderr", COLUMNS: "70", TERM: "xterm" };

  it("get a table, and a progress line that is taken away before anything else is printed", async () => {
    const { code, stdout, stderr } = await run(["score", ...tiny, "--input", input], "", both);
    expect(code).toBe(1);
    expect(stdout).toMatch(/# +score +tokens +text\n/);
    expect(stdout).toContain("你好");
    expect(stderr).toContain("\r\x1b[K");
    expect(stderr).toMatch(/loading model .*%/);
    // The rows themselves show how far it is.
    expect(stderr).not.toContain("scoring");
    const visibleLines = stderr.split("\n").map((line) => line.split("\r\x1b[K").at(-1));
    expect(visibleLines).toEqual([
      expect.stringMatching(/^starling-rm: line 2: /),
      expect.stringMatching(/^starling-rm: 3 rows, 8 tokens, .* 1 of 3 rows failed$/),
      "",
    ]);
    for (const drawn of stderr.split("\r\x1b[K")) expect((drawn.split("\n")[0] as string).length).toBeLessThan(150);
  });

  it("get no progress line when they are dumb", async () => {
    const { stderr } = await run(["score", ...tiny, "--text", "a"], "", { ...both, TERM: "dumb" });
    expect(stderr).not.toContain("\r");
  });

  it("are told apart: a pipe gets JSON lines, and no progress line", async () => {
    const { stdout, stderr } = await run(["score", ...tiny, "--input", input]);
    expect(parseLines(stdout)).toHaveLength(3);
    expect(stderr.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    const piped = await run(["score", ...tiny, "--input", input], "", { ...both, STARLING_RM_FORCE_TTY: "stderr" });
    expect(parseLines(piped.stdout)).toHaveLength(3);
    // What is behind the pipe may print on the same terminal.
    expect(piped.stderr).not.toContain("\r");
    const output = ["--output", join(folder, "terminal.out.jsonl")];
    const toFile = await run(["score", ...tiny, "--input", input, ...output], "", both);
    expect(toFile.stderr).toMatch(/scoring .*%/);
    for (const option of ["--quiet", "--no-progress"]) {
      const silent = await run(["score", ...tiny, "--input", input, ...output, "--force", option], "", both);
      expect(silent.stderr).not.toContain("\r");
      expect(silent.stderr.includes("3 rows, ")).toBe(option === "--no-progress");
      expect(silent.stderr).toMatch(/line 2: .*not valid JSON/);
    }
  });

  it("where there is none, progress is a line now and then", async () => {
    const rows = jsonLines(Array.from({ length: 300 }, (_, i) => ({ text: `text ${i}` })));
    const environment = { STARLING_RM_PROGRESS_SECONDS: "0.05" };
    const args = ["score", ...tiny, "--input", file("many.jsonl", rows)];
    const { stderr } = await run(args, "", environment);
    expect(stderr).toMatch(/^starling-rm: scoring +\d+% +\d+ rows .*\n/m);
    expect(stderr.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    expect((await run([...args, "--no-progress"], "", environment)).stderr).not.toContain("scoring");
  });
});

it.skipIf(!existsSync("/dev/full"))("a full disk is a failure, in words", async () => {
  const { code, stderr } = await run(["score", ...tiny, "--text", "a", "--output", "/dev/full"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/\/dev\/full cannot be written: the disk is full/);
});
