/** Every command line of README, docs and help is one that the command line accepts: its command, options and values exist. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { repository, run } from "./run-cli.ts";

const pages = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", "README.md", "docs/*.md"],
  { cwd: repository, encoding: "utf8" },
)
  .split("\n")
  .filter((page) => page !== "" && !page.startsWith("docs/api/"));

/** The words of a command, as a shell splits them, without what follows in a pipe or goes to a file. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [, double, single, plain] of line.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g)) {
    if (plain !== undefined && /^(?:[|&;>#)]|2>)/.test(plain)) break;
    words.push(double ?? single ?? (plain as string).replace(/[);]+$/, ""));
  }
  return words;
}

/** Commands in blocks of shell, with continued lines joined, and in the text between backticks. */
function commandsOf(text: string): string[][] {
  const blocks = [...text.matchAll(/^( *)```sh\n(.*?)^\1```$/gms)].map(([, , code = ""]) =>
    code.replaceAll(/\\\n\s*/g, " "),
  );
  const lines = blocks.flatMap((code) => code.split("\n"));
  const inline = [...text.replaceAll(/```.*?```/gs, "").matchAll(/`((?:npx )?starling-rm [^`]*)`/g)].map(
    ([, code = ""]) => code,
  );
  return [...lines, ...inline]
    .flatMap((line) =>
      [...line.matchAll(/(?:^|\(|&& |\| )\s*(?:npx )?starling-rm (.*)$/g)].map(([, rest = ""]) => wordsOf(rest)),
    )
    .filter(([name = ""]) => !/^[A-Z…]/.test(name));
}

const help = new Map<string, string>();

beforeAll(async () => {
  const { stdout } = await run(["--help"]);
  for (const [, name = ""] of stdout.matchAll(/^ {2}([a-z]+)(?: |$)/gm))
    if (!help.has(name) && name !== "starling" && name !== "help") help.set(name, (await run([name, "--help"])).stdout);
});

it("finds commands to check", () => {
  expect(pages.length).toBeGreaterThan(5);
  expect(commandsOf(readFileSync(join(repository, "README.md"), "utf8")).length).toBeGreaterThan(10);
});

function check([name = "", ...rest]: string[]): string | undefined {
  if (name.startsWith("-"))
    return ["--help", "--version", "-V", "--json"].includes(name) ? undefined : `no option ${name}`;
  const text = help.get(name);
  if (text === undefined) return `no command ${name}`;
  const known = new Set(text.match(/(?<=[\s,])--?[A-Za-z][\w-]*/g));
  const unknown = rest
    .map((word) => word.split("=")[0] as string)
    .filter((word) => /^--?[A-Za-z]/.test(word) && !known.has(word));
  return unknown.length === 0 ? undefined : `${name} has no ${unknown.join(", ")}`;
}

describe.each(pages)("%s", (page) => {
  it("has only commands and options that exist", () => {
    const wrong = commandsOf(readFileSync(join(repository, page), "utf8"))
      .map((words) => ({ words: words.join(" "), problem: check(words) }))
      .filter(({ problem }) => problem !== undefined);
    expect(wrong).toEqual([]);
  });
});

it("so have the examples of every command's help", () => {
  const wrong = [...help.values()]
    .flatMap((text) => [...text.replaceAll(/\\\n\s*/g, " ").matchAll(/^ {2}starling-rm (.*)$/gm)])
    .map(([, rest = ""]) => ({ rest, problem: check(wordsOf(rest)) }))
    .filter(({ problem }) => problem !== undefined);
  expect(wrong).toEqual([]);
});
