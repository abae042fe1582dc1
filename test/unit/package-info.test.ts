import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { findRoot } from "../../src/package-info.ts";

describe("the package's root", () => {
  it("is not found from a bundle, which the message says", () => {
    expect(() => findRoot(tmpdir())).toThrow(
      `starling-rm finds none of its files from ${tmpdir()}. It cannot be bundled: mark it as external ` +
        "(esbuild --external:starling-rm). With Yarn Plug'n'Play, set nodeLinker: node-modules.",
    );
  });
});
