import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { explainOnWindows } from "../../../src/native/explain-windows.ts";
import { packageRoot } from "../../../src/package-info.ts";

const NOT_FOUND = "the file or one of its dependencies was not found";
const reason = `C:\\x\\ggml-base.dll could not be opened: ${NOT_FOUND}.`;

it("names Microsoft's runtime where that is what is missing, and how to get it", () => {
  const explained = explainOnWindows(reason, "x64", (name) => name !== "msvcp140.dll");
  expect(explained).toMatch(/Visual C\+\+ runtime.*\(msvcp140\.dll\).*winget install Microsoft\.VCRedist\.2015\+\.x64/);
  expect(explainOnWindows(reason, "arm64", () => false)).toMatch(/vc_redist\.arm64\.exe/);
});

it("says nothing where the runtime is there, or something else is wrong", () => {
  expect(explainOnWindows(reason, "x64", () => true)).toBeUndefined();
  expect(
    explainOnWindows("C:\\x\\llama.dll could not be opened: Windows error 5.", "x64", () => false),
  ).toBeUndefined();
});

it("names CUDA where its backend does not open and Microsoft's runtime is there", () => {
  const cuda = reason.replace("ggml-base", "ggml-cuda");
  expect(explainOnWindows(cuda, "x64", () => true)).toMatch(
    /^it needs a library of CUDA 13, .*Install CUDA 13 \(https:/,
  );
  expect(explainOnWindows(cuda, "x64", () => false)).toMatch(/Visual C\+\+ runtime/);
});

it("knows the addon's words", () => {
  expect(readFileSync(join(packageRoot(), "native", "support", "shared_library.cpp"), "utf8")).toContain(NOT_FOUND);
});
