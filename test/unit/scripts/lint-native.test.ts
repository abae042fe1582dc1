import { describe, expect, it } from "vitest";
import { commentProblems, includeProblems } from "../../../scripts/lint-native.mjs";

describe("includes between the rooms of native/", () => {
  it.each([
    ["native/llama/context_worker.cpp", '#include "llama/context_worker.h"\n#include "planning/sequences.h"'],
    ["native/node/addon.cpp", '#include <napi.h>\n#include "model/model_worker.h"\n#include "tokenizer/word_split.h"'],
    ["native/llama/log.h", "#include <ggml.h>\n#include <string>"],
    ["bench/native/prompt_rate.cpp", '#include "llama/log.h"\n#include <llama.h>'],
  ])("may go from %s downwards", (file, text) => {
    expect(includeProblems(file, text)).toEqual([]);
  });

  it.each([
    ["native/planning/a.h", '#include "llama/runtime.h"', /planning may include itself/],
    ["native/llama/a.cpp", '#  include "node/arguments.h"', /llama may include support, planning, prefill, itself/],
    ["native/tokenizer/a.cpp", '#include "support/failure.h"', /tokenizer may include itself/],
    ["native/model/a.cpp", "#include <napi.h>", /includes napi\.h, which only node may/],
    ["native/planning/a.cpp", "#include <llama.h>", /includes llama\.h, which only llama may/],
    ["native/support/a.cpp", '#include "failure.h"', /without its room/],
    ["native/a.cpp", "", /is in no room/],
    ["native/other/a.cpp", "", /is in no room/],
  ])("may not: %s, %s", (file, text, problem) => {
    expect(includeProblems(file, text)).toEqual([expect.stringMatching(problem)]);
  });
});

describe("comments", () => {
  it("are doc comments on declarations and line comments in functions", () => {
    const text = `/** A file. */
#define TABLE(X) \\
  X(a)           \\
  X(b)
namespace starling {
/** A class. */
class A final : public B {
 public:
  /** A struct in it. */
  struct C {
    /** A field. */
    int d = 0;
  };
  int f() { // in a function
    const auto g = [] { /* " */ return "// text"; };
    return g()[0] == '"' ? 1 : 0;
  }
};
}  // namespace starling
`;
    expect(commentProblems(text)).toEqual(["line 15: write // … inside a function"]);
  });

  it.each([
    ["// a file\n", 1],
    ["namespace a {\n// a function\nvoid f();\n}", 2],
    ["struct A {\n  int b;  // a field\n};", 2],
    ["enum class A { b, /* a value */ c };", 1],
    ["void f() {\n  if (x) {\n    /** a statement */\n    g();\n  }\n}", 3],
  ])("of the wrong style are found in %j", (text, line) => {
    expect(commentProblems(text)).toEqual([expect.stringMatching(`^line ${line}: write `)]);
  });
});
