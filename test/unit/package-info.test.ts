import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { afterAll, describe, expect, it } from "vitest";
import { findRoot, packageRoot } from "../../src/package-info.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-bundle-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the package's root", () => {
  it("is not found from a bundle, which the message says", () => {
    expect(() => findRoot(tmpdir())).toThrow(
      `starling-rm finds none of its files from ${tmpdir()}. It cannot be bundled: mark starling-rm as external ` +
        "(esbuild --external:starling-rm).",
    );
  });

  it.each([
    ["esm", "mjs"],
    ["cjs", "cjs"],
  ] as const)("is missed in a bundle as %s, where the way out is named", async (format, extension) => {
    const entry = join(folder, `entry-${format}.mjs`);
    const library = JSON.stringify(join(packageRoot(), "src", "index.ts"));
    writeFileSync(
      entry,
      `import { loadTokenizer } from ${library};
       loadTokenizer({ modelPath: "tiny" }).catch((error) => console.log(error.code, error.message));`,
    );
    const bundle = await rolldown({ input: entry, platform: "node", logLevel: "silent" });
    const file = join(folder, `bundle-${format}.${extension}`);
    await bundle.write({ file, format, codeSplitting: false });
    await bundle.close();
    const { stdout, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8" });
    expect({ stdout, stderr }).toEqual({
      stdout: expect.stringMatching(
        /^ERR_ADDON_NOT_BUILT starling-rm finds none of its files .* mark starling-rm as external /,
      ),
      stderr: "",
    });
  });
});
