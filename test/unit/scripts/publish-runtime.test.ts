import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { assertReplaceable, publish } from "../../../scripts/build-runtime/publish.mjs";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-publish-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function make(name: string, files: Record<string, string>): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content);
  return path;
}

describe("publishing a runtime", () => {
  it("leaves what was there, and nothing else, when the new one cannot be opened", () => {
    const output = make("out/cpu", { "libllama.so": "old" });
    const build = join(
      make("build/bin", { "libllama.so": "no library", "libggml.so": "", "libggml-base.so": "" }),
      "..",
    );
    expect(() => publish(build, output)).toThrow("The runtime that was built cannot be used");
    expect(readdirSync(join(folder, "out"))).toEqual(["cpu"]);
    expect(readFileSync(join(output, "libllama.so"), "utf8")).toBe("old");
  });

  it("says that a build has no libraries", () => {
    expect(() => publish(make("empty", {}), join(folder, "nowhere", "cpu"))).toThrow("The build left no libraries");
    expect(readdirSync(join(folder, "nowhere"))).toEqual([]);
  });

  it("does not replace a folder that holds anything but a runtime", () => {
    const output = make("home", { "libllama.so": "", "letter.txt": "" });
    expect(() => assertReplaceable(output)).toThrow(/home holds something other than a runtime \(letter\.txt/);
    expect(() => assertReplaceable(join(output, "letter.txt"))).toThrow("no folder");
    expect(() => assertReplaceable(make("earlier", { "libllama.so": "", "libggml-cpu.so": "" }))).not.toThrow();
  });
});
