// Generates docs/api from the docstrings of the public interface. An export or member without one is an error.
// Usage: node scripts/api-docs/generate.mjs [FOLDER]   (default: docs/api, which is replaced)
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

/** @returns what is wrong, or undefined */
export function generate(folder) {
  const typedoc = join(dirname(createRequire(import.meta.url).resolve("typedoc/package.json")), "bin", "typedoc");
  const args = [typedoc, "--options", join(here, "typedoc.json"), "--out", folder, "--logLevel", "Warn"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: here, encoding: "utf8" });
  return status === 0 ? undefined : `${stdout}${stderr}`.trim();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problem = generate(resolve(process.argv[2] ?? join(here, "..", "..", "docs", "api")));
  if (problem !== undefined) {
    console.error(problem);
    process.exitCode = 1;
  }
}
