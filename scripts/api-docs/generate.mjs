// Generates docs/api from the docstrings of the public interface. An export or member without one is an error.
// Usage: node scripts/api-docs/generate.mjs [FOLDER]   (default: docs/api, which is replaced)
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

/** @returns what is wrong, or undefined */
export function generate(folder) {
  const typedoc = join(dirname(createRequire(import.meta.url).resolve("typedoc/package.json")), "bin", "typedoc");
  const args = [typedoc, "--options", join(here, "typedoc.json"), "--out", folder, "--logLevel", "Warn"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: here, encoding: "utf8" });
  if (status !== 0) return `${stdout}${stderr}`.trim();
  writeFileSync(join(folder, "README.md"), indexOf(folder));
  return undefined;
}

/** A table of the pages, the root first: each begins with its import and its purpose. */
function indexOf(folder) {
  const pages = readdirSync(folder).filter((name) => name.endsWith(".md") && name !== "README.md");
  const rows = pages.map((page) => {
    const [, name, purpose] = /^# .*\n\n`([^`]+)`: (.+?)\n\n/s.exec(readFileSync(join(folder, page), "utf8"));
    const sentence = purpose.replaceAll("\n", " ");
    return { name, row: `| [\`${name}\`](${page}) | ${sentence[0].toUpperCase()}${sentence.slice(1)} |\n` };
  });
  rows.sort((a, b) => (a.name < b.name ? -1 : 1));
  return `# The public interface\n\n| import | purpose |\n|---|---|\n${rows.map(({ row }) => row).join("")}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problem = generate(resolve(process.argv[2] ?? join(here, "..", "..", "docs", "api")));
  if (problem !== undefined) {
    console.error(problem);
    process.exitCode = 1;
  }
}
