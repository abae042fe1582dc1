import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file !== "" && existsSync(join(root, file)));
// docs/api is generated, with anchors of its own, and has a test of its own.
const pages = files.filter((file) => file.endsWith(".md") && !/^(?:test|docs\/api)\//.test(file));

/** GitHub's anchor of a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

function anchors(page: string): string[] {
  return [...readFileSync(page, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading as string));
}

describe.each(pages)("%s", (page) => {
  const text = readFileSync(join(root, page), "utf8");

  it("has no broken links inside the repository", () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target as string);
    const broken = links
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [path, section] = target.split("#") as [string, string | undefined];
        const file = path === "" ? join(root, page) : join(root, dirname(page), path);
        return !existsSync(file) || (section !== undefined && !anchors(file).includes(section));
      });
    expect(broken).toEqual([]);
  });

  it("names only files that exist", () => {
    const names = [...text.matchAll(/`([\w./-]+\.(?:ts|mjs|cjs|cpp|h|py|md))`/g)].map(([, name]) => name as string);
    const known = new Set(files.map((file) => basename(file)));
    const isKnown = (name: string) =>
      name.includes("/") ? files.some((file) => file === name || file.endsWith(`/${name}`)) : known.has(name);
    expect(names.filter((name) => !isKnown(name) && !EXTERNAL.has(name))).toEqual([]);
  });
});

/** Files of llama.cpp, node-addon-api and transformers. */
const EXTERNAL: ReadonlySet<string> = new Set([
  "common.h",
  "llama-arch.cpp",
  "llama-model.cpp",
  "llama-vocab.cpp",
  "repack.cpp",
  "tokenization_utils_base.py",
  "napi.h",
]);
