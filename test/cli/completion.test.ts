/** The completion scripts, in the shells themselves. A shell that is not installed is skipped. */
import { execFile, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { file, folder, run } from "./run-cli.ts";

const execute = promisify(execFile);
const has = (shell: string) => spawnSync(shell, ["-c", "exit 0"], { stdio: "ignore" }).status === 0;
/** The title says what is missing. */
const titled = (shell: string) =>
  has(shell) ? `in ${shell}` : `in ${shell} (skipped: ${shell} is not installed; apt-get install ${shell})`;
const scripts: Record<string, string> = {};

beforeAll(async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout, stderr } = await run(["completion", shell]);
    expect([code, stderr]).toEqual([0, ""]);
    scripts[shell] = file(`completion.${shell}`, stdout);
  }
  mkdirSync(join(folder, "here", "a folder"), { recursive: true });
  file("here/rm.gguf", "");
  file("here/a file.jsonl", "");
});

/** What the last word completes to, at least; and what it must not. */
const CASES: readonly (readonly [line: string, includes: readonly string[], excludes: readonly string[]])[] = [
  ["starling-rm sc", ["score"], ["rank"]],
  ["starling-rm ", ["score", "rank", "convert", "cache", "completion", "doctor"], []],
  ["starling-rm score --gpu ", ["auto", "off", "cuda", "vulkan", "metal"], ["rm.gguf"]],
  ["starling-rm convert x --type q4_k", ["q4_k_m", "q4_k_s"], ["q8_0"]],
  ["starling-rm score --for", ["--format"], ["--gpu"]],
  ["starling-rm score --format j", ["json", "jsonl"], ["csv"]],
  ["starling-rm score --tokenization fast", ["fast-4.41", "fast-4.42"], ["slow"]],
  ["starling-rm eval rew", ["rewardbench", "rewardbench2"], ["human"]],
  ["starling-rm cache ", ["list", "prune"], ["rm.gguf"]],
  ["starling-rm completion ", ["bash", "zsh", "fish"], ["rm.gguf"]],
  ["starling-rm score --input rm", ["rm.gguf"], []],
  ["starling-rm inspect ", ["tiny", "rm.gguf", "a file.jsonl"], []],
];

function check(found: readonly string[], [, includes, excludes]: (typeof CASES)[number]): void {
  expect(found).toEqual(expect.arrayContaining([...includes]));
  expect(found.filter((word) => excludes.includes(word))).toEqual([]);
}

describe.skipIf(!has("bash"))(titled("bash"), () => {
  it.each(CASES)("%s", async (...one) => {
    const [line] = one;
    const program = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _starling_rm; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const words = line.split(" ");
    const { stdout } = await execute("bash", ["-c", program, "bash", scripts["bash"] as string, ...words], {
      cwd: join(folder, "here"),
    });
    check(stdout.split("\n"), one);
  });

  it("is registered", async () => {
    const { stdout } = await execute("bash", [
      "-c",
      `source "$1"; complete -p starling-rm`,
      "bash",
      scripts["bash"] as string,
    ]);
    expect(stdout).toBe("complete -F _starling_rm starling-rm\n");
  });
});

describe.skipIf(!has("fish"))(titled("fish"), () => {
  it.each(CASES)("%s", async (...one) => {
    const [line] = one;
    const program = `source $argv[1]; complete -C $argv[2]`;
    const { stdout } = await execute("fish", ["--no-config", "-c", program, scripts["fish"] as string, line], {
      cwd: join(folder, "here"),
      env: { ...process.env, HOME: folder, XDG_DATA_HOME: join(folder, "fish"), XDG_CONFIG_HOME: join(folder, "fish") },
    });
    check(
      stdout.split("\n").map((text) => (text.split("\t")[0] as string).replaceAll("\\", "")),
      one,
    );
  });
});

describe.skipIf(!has("zsh"))(titled("zsh"), () => {
  /** An interactive zsh in a terminal of its own: compsys works nowhere else. Every match is written to a file. */
  const PROGRAM = `
    zmodload zsh/zpty
    zpty z zsh -f -i
    zpty -w z "stty -echo; PS1=; autoload -Uz compinit; compinit -u -D; source $1"
    zpty -w z 'compadd() { local -a found; builtin compadd -O found "$@"; print -rl -- $found >> '$2'; builtin compadd "$@"; }'
    zpty -w z 'print ready > '$2.ready
    repeat 200; do [[ -e $2.ready ]] && break; zpty -r -t z > /dev/null; sleep 0.02; done
    zpty -w -n z "$3"$'\\t'
    repeat 100; do zpty -r -t z > /dev/null; sleep 0.02; [[ -e $2 ]] && (( seen++ > 15 )) && break; done
    zpty -d z`;

  // Each takes a second or two: those that differ most.
  it.each(CASES.filter((_, i) => i % 3 === 0 || i === CASES.length - 1))("%s", { retry: 2 }, async (...one) => {
    const out = join(folder, `zsh-${Math.random()}`);
    await execute("zsh", ["-f", "-c", PROGRAM, "zsh", scripts["zsh"] as string, out, one[0]], {
      cwd: join(folder, "here"),
    });
    const { stdout } = await execute("cat", [out]);
    check(
      stdout.split("\n").map((word) => word.replaceAll("\\", "")),
      one,
    );
  });
});

it("names the shells that there are", async () => {
  const { code, stderr } = await run(["completion", "fisch"]);
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/Allowed choices are bash, zsh, fish\. \(Did you mean fish\?\)\n$/),
  ]);
});
