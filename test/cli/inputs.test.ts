/** One reader for all commands: the same rows in every format give the same scores, with all fields. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { file, folder, jsonLines, parseLines, repository, run, tiny } from "./run-cli.ts";

const rows = Array.from({ length: 12 }, (_, i) => ({
  id: `row ${i}`,
  question: `What is ${i} + 1?`,
  answer: `It is ${i + 1}, "of course";\nthat is all.`,
}));

function table(separator: string): string {
  const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const lines = rows.map(({ id, question, answer }) => [id, question, answer].map(cell).join(separator));
  return [["id", "question", "answer"].join(separator), ...lines].join("\r\n");
}

const score = (...args: string[]) => run(["score", ...tiny, ...args]);

it("rows of any format have the same scores in the same order, with all fields", async () => {
  const inputs = [
    file("q.jsonl", jsonLines(rows)),
    file("q.json", JSON.stringify(rows, undefined, 1)),
    file("q.csv", table(",")),
    file("semicolons.csv", table(";")),
    file("named-wrongly.jsonl", table("\t")),
    file("q.tsv.gz", gzipSync(table("\t"))),
    join("test", "fixtures", "rows", "pairs.csv.xz"),
    join("test", "fixtures", "rows", "pairs.jsonl.zst"),
    join("test", "fixtures", "rows", "pairs.parquet"),
  ];
  const results = await Promise.all(inputs.map((input) => score("--input", input)));
  const [first] = results.map(({ stdout }) => parseLines(stdout));
  expect(first).toHaveLength(rows.length);
  expect(first?.[0]).toMatchObject({ index: 0, score: expect.any(Number), ...rows[0] });
  for (const { code, stdout, stderr } of results) {
    expect([code, parseLines(stdout)]).toEqual([0, first]);
    expect(stderr.match(/note: reading prompt from "question", response from "answer"/g)).toHaveLength(1);
  }
  expect(results[3]?.stderr).toContain("semicolons.csv is CSV with semicolons between its fields");
  expect(results[4]?.stderr).toContain("named-wrongly.jsonl is CSV with tabs between its fields, despite its name");
});

it("takes several files, folders, patterns and standard input", async () => {
  mkdirSync(join(folder, "many", "deep"), { recursive: true });
  const names = ["many/a.jsonl", "many/deep/b.csv", "many/deep/notes.txt"];
  const texts = [jsonLines([{ text: "a" }]), "text\nb\n", "not rows"];
  const paths = names.map((name, i) => file(name, texts[i] as string));
  const told = async (...inputs: string[]) => {
    const { code, stdout, stderr } = await run(["tokenize", "--model", "tiny", "--input", ...inputs], '{"text":"c"}');
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    return stdout.trim().split("\n");
  };
  const [a, b] = [await told(paths[0] as string), await told(paths[1] as string)].flat();
  const c = (await told("-"))[0];
  expect(new Set([a, b, c]).size).toBe(3);
  expect(await told(paths[0] as string, paths[1] as string)).toEqual([a, b]);
  expect(await told(join(folder, "many"))).toEqual([a, b]);
  expect(await told(join(folder, "many", "**", "*.{csv,jsonl}"))).toEqual([a, b]);
  expect(await told("-", paths[0] as string)).toEqual([c, a]);
  const missing = await run(["tokenize", "--model", "tiny", "--input", join(folder, "many", "*.parquet")]);
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringMatching(/does not exist, and no file matches it/)]);
});

it("best of n over a conversation has the same scores from a file and from the shell", async () => {
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Hello" },
    { role: "user", content: "Name a fruit." },
  ];
  const responses = ["An apple.", "A car."];
  const scores = async (command: string, ...args: string[]) => {
    const { code, stdout, stderr } = await run([command, ...tiny, ...args]);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    const found = parseLines(stdout);
    const ranking = found[0]?.["ranking"] as { index: number; score: number }[] | undefined;
    if (ranking !== undefined) return responses.map((_, i) => ranking.find(({ index }) => index === i)?.score);
    return found.flatMap(({ score, scores: all }) => all ?? score);
  };
  const conversation = file("conversation.json", JSON.stringify(messages));
  const answers = file("answers.txt", `${responses.join("\n")}\n`);
  const shareGpt = messages.map(({ role, content }) => ({
    from: { user: "human", assistant: "gpt" }[role] ?? role,
    value: content,
  }));
  const expected = await scores("rank", "--input", file("n.jsonl", jsonLines([{ messages, responses }])));
  expect(new Set(expected).size).toBe(2);
  const each = responses.flatMap((response) => ["--response", response]);
  expect(await scores("rank", "--messages", `@${conversation}`, ...each)).toEqual(expected);
  expect(await scores("rank", "--messages", `@${conversation}`, "--responses-file", answers)).toEqual(expected);
  expect(await scores("score", "--messages", `@${conversation}`, ...each)).toEqual(expected);
  const turns = messages.slice(1);
  expect(await scores("rank", "--system", "Be brief.", "--messages", JSON.stringify(turns), ...each)).toEqual(expected);
  const csv = `conversations,answers\n${[shareGpt, responses].map((one) => `"${JSON.stringify(one).replaceAll('"', '""')}"`).join()}\n`;
  expect(await scores("rank", "--input", file("n.csv", csv))).toEqual(expected);
});

it("names what it cannot read once, however many rows there are", async () => {
  const lines = Array.from({ length: 2000 }, (_, i) => `Frage ${i};Antwort ${i}`);
  const { code, stdout, stderr } = await score("--input", file("fragen.csv", ["frage;antwort", ...lines].join("\n")));
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
    /fragen\.csv cannot be read as .*its columns are "frage", "antwort" \(--field/,
  );
  const mapped = await score(
    "--input",
    join(folder, "fragen.csv"),
    "--field",
    "prompt=frage",
    "--field",
    "respnse=antwort",
  );
  expect(mapped.stderr).toMatch(/received "respnse"\. Did you mean "response"\?/);
  const plain = await score("--input", file("plain.jsonl", "What is it?\nA fruit.\n"));
  expect([plain.code, plain.stderr]).toEqual([2, expect.stringMatching(/plain\.jsonl is not JSON lines, JSON, CSV/)]);
});

it("eval reads the same: other names, separators and standard input", async () => {
  const pairs = jsonLines([{ question: "Hi", good: "Hello", bad: "Go" }]);
  const fields = ["--field", "chosen=good", "--field", "rejected=bad"];
  const evaluate = (input: string, stdin = "") =>
    run(["eval", "pairs", ...tiny, "--json", "--input", input, ...fields], stdin);
  const report = async (input: string, stdin?: string) => {
    const { code, stdout, stderr } = await evaluate(input, stdin);
    expect([code, stderr]).toEqual([0, expect.stringContaining("reading the rows as question, chosen and rejected")]);
    return JSON.parse(stdout).benchmarks[0].accuracy;
  };
  const expected = await report(file("pairs.jsonl", pairs));
  expect(await report(file("pairs.csv", "question;good;bad\nHi;Hello;Go\n"))).toEqual(expected);
  expect(await report("-", pairs)).toEqual(expected);
});

it("texts come from files and standard input", async () => {
  const prompt = file("prompt.txt", "Capital of France?\n");
  const one = await score("--prompt", "Capital of France?", "--response", "Paris.");
  const two = await run(["score", ...tiny, "--prompt", `@${prompt}`, "--response", "-"], "Paris.\n");
  expect(two.code).toBe(0);
  expect(parseLines(two.stdout)).toEqual(parseLines(one.stdout));
  expect(readFileSync(prompt, "utf8")).toBe("Capital of France?\n");
});

describe("an empty text", () => {
  const asked = ["score", ...tiny, "--prompt", "Capital of France?"];

  it.each<[string, string[]]>([
    ["--response", [...asked, "--response", "-"]],
    ["--prompt", ["score", ...tiny, "--prompt", "-", "--response", "Paris."]],
    ["--text", ["tokenize", "--model", "tiny", "--text", "-"]],
    ["--system", [...asked, "--response", "Paris.", "--system", "-"]],
    ["--messages", ["rank", ...tiny, "--messages", "-", "--response", "a", "--response", "b"]],
  ])("is not what an empty standard input means (%s)", async (option, args) => {
    const { code, stdout, stderr } = await run(args, "");
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(`${option} -: standard input is closed or empty`);
    expect(stderr.includes('for an empty response, write --response ""')).toBe(option === "--response");
  });

  it.runIf(process.platform !== "win32")("is not what a closed standard input means", () => {
    const shell = 'exec "$@" <&-';
    const main = join(repository, "dist", "cli", "main.js");
    const { status, stderr } = spawnSync("sh", ["-c", shell, "sh", process.execPath, main, ...asked, "-r", "-"], {
      encoding: "utf8",
      env: { ...process.env, STARLING_RM_CACHE: join(folder, "cache") },
    });
    expect([status, stderr]).toEqual([2, expect.stringMatching(/standard input is closed or empty/)]);
  });

  it("may be given as such, by an empty line, or by an empty file with a note", async () => {
    const given = await run([...asked, "--response", ""]);
    const line = await run([...asked, "--response", "-"], "\n");
    const ofFile = await run([...asked, "--response", `@${file("empty.txt", "")}`]);
    expect([given.code, line.code, ofFile.code]).toEqual([0, 0, 0]);
    expect([line.stdout, ofFile.stdout]).toEqual([given.stdout, given.stdout]);
    expect(ofFile.stderr).toMatch(/note: \S+empty\.txt is empty: --response is an empty text$/m);
  });

  it("standard input without rows or lines is called by its name", async () => {
    const rows = await run(
      ["fit", "--model", "tiny", "--input", "-", "--head-output", join(folder, "no-head.gguf")],
      "",
    );
    expect([rows.code, rows.stderr]).toEqual([2, "starling-rm: Standard input has no rows.\n"]);
    const lines = await run(["rank", ...tiny, "--prompt", "a", "--responses-file", "-"], "");
    expect([lines.code, lines.stderr]).toEqual([2, expect.stringMatching(/: standard input has no lines of text\n$/)]);
  });
});
