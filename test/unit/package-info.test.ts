import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

it("no dependency of users needs a newer Node than the package does", () => {
  const { packages } = JSON.parse(readFileSync(join(packageRoot(), "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean; engines?: { node?: string } }>;
  };
  // One of the alternatives of a range begins at 20 or before, or has no beginning.
  const takesNode20 = (range: string) =>
    range.split("||").some((part) => {
      const [, major] = /(?:>=?|\^|~|^)\s*v?(\d+)/.exec(part.trim()) ?? [];
      return major === undefined || Number(major) <= 20;
    });
  expect([">=22", ">= 22.1", "^22 || >=24"].map(takesNode20)).toEqual([false, false, false]);
  const users = Object.entries(packages).filter(([, { dev }]) => dev !== true);
  const newer = users.filter(([, { engines }]) => !takesNode20(engines?.node ?? "*")).map(([path]) => path);
  expect(newer).toEqual([]);
});
