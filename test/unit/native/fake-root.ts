/** A folder that stands for "/", with invented files in it. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";

export function fakeRoots(): (files: readonly string[] | Record<string, string | Uint8Array>) => string {
  const folder = mkdtempSync(join(tmpdir(), "starling-rm-root-"));
  // As "/" is: open to everybody.
  chmodSync(folder, 0o755);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let roots = 0;
  return (files) => {
    const root = join(folder, `${roots++}`);
    mkdirSync(root);
    const entries = Array.isArray(files) ? files.map((name) => [name, ""] as const) : Object.entries(files);
    for (const [name, content] of entries) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), content);
    }
    return root;
  };
}
