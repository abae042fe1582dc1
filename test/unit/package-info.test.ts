import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { findRoot } from "../../src/package-info.ts";

describe("the package's root", () => {
  it("is not found from a bundle, which the message says", () => {
    expect(() => findRoot(tmpdir())).toThrow(
      `starling-rm finds none of its files from ${tmpdir()}. It cannot be bundled: mark starling-rm as external ` +
        '(esbuild --external:starling-rm; in other bundlers the option "external").',
    );
  });
});
