// Checks the C++ of this repository, as a part of `npm run lint`: its format (.clang-format), the length of files, which room
// of native/ may include which, and the style of comments. With --fix (`npm run format`) it formats instead of complaining.
// Usage: node scripts/lint-native.mjs [--fix]
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const MAX_LINES = 400;

/** What the files of each room may include besides their own room. native/README.md explains the rooms. */
const ROOMS = {
  support: [],
  tokenizer: [],
  planning: [],
  prefill: [],
  llama: ["support", "planning", "prefill"],
  model: ["support", "planning", "llama"],
  node: ["support", "tokenizer", "planning", "prefill", "llama", "model"],
};
/** These headers are for one room each. */
const HEADERS = [
  { pattern: /^napi\.h$|^node_api\.h$/, rooms: ["node"] },
  { pattern: /^(?:llama|ggml)[a-z-]*\.h$/, rooms: ["llama"] },
];

/** Every C++ file that git knows or would add. */
function sourceFiles() {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "--", "*.cpp", "*.h"];
  const { status, stdout, stderr } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`git ${args.join(" ")} failed: ${stderr}`);
  return stdout.split("\n").filter((file) => file !== "" && existsSync(join(root, file)));
}

function clangFormat(files, fix) {
  const package_ = dirname(createRequire(import.meta.url).resolve("clang-format-node/package.json"));
  const name = process.platform === "win32" ? "clang-format.exe" : "clang-format";
  const program = join(package_, "bin", `cfn-${process.platform}-${process.arch}`, name);
  if (!existsSync(program)) {
    console.warn(
      `clang-format has no build for ${process.platform} on ${process.arch}: the format is not checked here.`,
    );
    return true;
  }
  const args = fix ? ["-i"] : ["--dry-run", "-Werror"];
  const { status, error } = spawnSync(program, [...args, ...files], { cwd: root, stdio: "inherit" });
  if (error !== undefined) throw error;
  return status === 0;
}

/** What is wrong with the includes of a file of native/. */
export function includeProblems(file, text) {
  const [, room] = /^native\/([^/]+)\/[^/]+$/.exec(file) ?? [];
  if (!file.startsWith("native/")) return [];
  const allowed = ROOMS[room];
  if (allowed === undefined) return [`is in no room of native/: ${Object.keys(ROOMS).join(", ")}`];
  return [...text.matchAll(/^\s*#\s*include\s+(?:"([^"]*)"|<([^>]*)>)/gm)].flatMap(([, own, system]) => {
    const only = HEADERS.find(({ pattern }) => pattern.test(system ?? own));
    if (only !== undefined && !only.rooms.includes(room))
      return [`includes ${system ?? own}, which only ${only.rooms.join(" and ")} may`];
    if (own === undefined) return [];
    const from = own.includes("/") ? own.slice(0, own.indexOf("/")) : undefined;
    if (from === undefined) return [`includes "${own}" without its room: write "ROOM/${own}"`];
    if (from === room || allowed.includes(from)) return [];
    return [`includes "${own}": ${room} may include ${[...allowed, "itself"].join(", ")}`];
  });
}

/**
 * Comments of the wrong style: declarations have `/** … *\/`, the bodies of functions `// …`. Notes for tools and at the end
 * of a namespace may be anywhere.
 */
export function commentProblems(text) {
  const problems = [];
  // For each open brace, whether it is of a namespace or a type, so that declarations follow.
  const scopes = [];
  let statement = "";
  let line = 1;
  const withoutDirectives = text.replace(/^[ \t]*#(?:\\[\s\S]|[^\n\\])*/gm, (directive) =>
    directive.replace(/[^\n]/g, ""),
  );
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|R"([^(]*)\([\s\S]*?\)\1"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?:public|private|protected):|[{};]|\n|./g;
  for (const [part] of withoutDirectives.matchAll(token)) {
    const declares = scopes.every(Boolean);
    if (part.startsWith("//")) {
      if (declares && !/^\/\/ (?:namespace|clang-format|NOLINT)/.test(part))
        problems.push(`line ${line}: write /** … */ before a declaration`);
    } else if (part.startsWith("/*")) {
      if (!declares) problems.push(`line ${line}: write // … inside a function`);
      else if (!part.startsWith("/**")) problems.push(`line ${line}: write /** … */ before a declaration`);
    } else if (part === "{") {
      scopes.push(
        /^\s*(?:template\b.*)?(?:inline\s+)?(?:namespace|class|struct|union|enum|extern\s+"C")\b[^()]*$/s.test(
          statement,
        ),
      );
      statement = "";
    } else if (part === "}" || part === ";" || (part.endsWith(":") && part.length > 1)) {
      if (part === "}") scopes.pop();
      statement = "";
    } else statement += part;
    line += part.split("\n").length - 1;
  }
  return problems;
}

function problemsOf(file) {
  const text = readFileSync(join(root, file), "utf8");
  const lines = text.split("\n").length - 1;
  return [
    ...(file.startsWith("native/") && lines > MAX_LINES
      ? [`has ${lines} lines, more than ${MAX_LINES}: split it`]
      : []),
    ...includeProblems(file, text),
    ...commentProblems(text),
  ].map((problem) => `${file} ${problem}.`);
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1]) {
  const files = sourceFiles();
  const formatted = clangFormat(files, process.argv.includes("--fix"));
  const problems = files.flatMap(problemsOf);
  for (const problem of problems) console.error(problem);
  if (!formatted) console.error("The format differs from .clang-format: npm run format.");
  if (!formatted || problems.length > 0) process.exitCode = 1;
}
