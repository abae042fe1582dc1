/** The Python package integrations/ray: its own tests, with the genuine ray, where `npm run python-env` has installed it. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { missingPython, pythonPath } from "../../scripts/python-env.mjs";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = join(root, "integrations", "ray");
const missing = missingPython();
/** Twenty times what they take on a quiet core: this test says what is right, not how fast it is. */
const MAX_MS = 1_200_000;

function python(...words: string[]): Promise<{ status: number | null; output: string }> {
  const child = spawn(pythonPath, ["-B", ...words], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  return new Promise((resolve, reject) => {
    child.on("error", reject).on("close", (status) => resolve({ status, output }));
  });
}

if (missing !== undefined) console.log(`The tests of integrations/ray are skipped: ${missing}.`);

describe.skipIf(missing !== undefined)(`starling-rm-ray${missing ? ` (skipped: ${missing})` : ""}`, () => {
  it("passes its own tests with the genuine ray, which kill workers and scorers", { timeout: MAX_MS }, async () => {
    expect(existsSync(join(root, "dist", "cli", "main.js"))).toBe(true);
    const { status, output } = await python("-m", "pytest", "-q");
    expect(output).toMatch(/\d+ passed/);
    expect(status, output).toBe(0);
  });

  it("has types that mypy finds nothing against", { timeout: MAX_MS }, async () => {
    const { status, output } = await python("-m", "mypy", "--cache-dir=/dev/null");
    expect(output).toMatch(/^Success: no issues found in \d+ source files/m);
    expect(status).toBe(0);
  });
});
