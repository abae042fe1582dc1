/**
 * What this project repeats of llama.cpp, against the source of the llama.cpp that it runs on (the git bundle inside
 * node-llama-cpp). A newer llama.cpp that changes any of it fails here, with the place to look at.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { extractLlama, packageFolder, root } from "../../scripts/build-addon.mjs";
import { pinnedVersions, prefillLibraryHashes } from "../../scripts/bump-llama.mjs";
import { KEY_TYPES } from "../../src/gguf/llama-keys.ts";
import {
  fileTypeByName,
  fileTypeName,
  tensorTypeById,
  VALUE_TYPE_IDS,
  type ValueType,
  valueTypeById,
} from "../../src/gguf/types.ts";
import { backendsOf, runtimePackage } from "../../src/native/platforms.ts";
import { PREFILL_LIBRARIES } from "../../src/native/prefill-libraries.ts";
import { LLAMA_VERSION, RUNTIME_PACKAGE_VERSION } from "../../src/native/runtime-folder.ts";
import { DEVICE_RESERVE_BYTES } from "../../src/scoring/gpu-fit.ts";
import { REPACKED_TYPES } from "../../src/scoring/load-plan.ts";
import { LLAMA_KEYS } from "./mutated-models/llama-keys.ts";

const FILES = {
  types: "ggml/include/ggml.h",
  gguf: "ggml/include/gguf.h",
  blocks: "ggml/src/ggml-common.h",
  traits: "ggml/src/ggml.c",
  repack: "ggml/src/ggml-cpu/repack.cpp",
  api: "include/llama.h",
  keys: "src/llama-arch.cpp",
  vocabulary: "src/llama-vocab.cpp",
  model: "src/llama-model.cpp",
  fit: "common/common.h",
} as const;

const folder = extractLlama(join(root, "build", "llama-source"), Object.values(FILES));
const source = (name: keyof typeof FILES) => readFileSync(join(folder, FILES[name]), "utf8");

/** The text between two others, which must be there. */
function between(text: string, from: string, to: string): string {
  const start = text.indexOf(from);
  const end = text.indexOf(to, start + from.length);
  if (start === -1 || end === -1) throw new Error(`llama.cpp's source no longer has ${from} ... ${to}`);
  return text.slice(start + from.length, end);
}

/** Names and numbers of a C enum that gives every one; what is in comments is not part of it. */
function enumOf(text: string, name: string): Map<string, number> {
  const body = between(text, `enum ${name} {`, "};").replaceAll(/\/\/.*$/gm, "");
  return new Map([...body.matchAll(/(\w+)\s*=\s*(\d+)/g)].map(([, key, value]) => [key as string, Number(value)]));
}

/** Every package with prebuilt libraries. */
function runtimePackages(): string[] {
  const platforms = (["linux", "darwin", "win32"] as const).flatMap((os) =>
    ["x64", "arm64"].map((arch) => ({ os, arch })),
  );
  const names = platforms.flatMap((platform) =>
    backendsOf(platform).map((backend) => runtimePackage(backend, platform)),
  );
  return [...new Set(names.filter((name) => name !== undefined))];
}

describe("the version", () => {
  it("is one number in package.json", () => {
    const versions = pinnedVersions();
    // To raise it: npm run bump-llama -- VERSION
    expect(new Set(versions.values()), JSON.stringify([...versions])).toEqual(new Set([RUNTIME_PACKAGE_VERSION]));
    expect([...versions.keys()].sort()).toEqual(["node-llama-cpp", ...runtimePackages()].sort());
  });

  it("is that of the llama.cpp whose source and headers are used", () => {
    const package_ = packageFolder("node-llama-cpp") as string;
    const { tag } = JSON.parse(readFileSync(join(package_, "llama", "llama.cpp.info.json"), "utf8"));
    expect(tag).toBe(`v${LLAMA_VERSION}`);
    expect(JSON.parse(readFileSync(join(package_, "package.json"), "utf8")).version).toBe(RUNTIME_PACKAGE_VERSION);
  });

  it("is that of the packages in commands that documents name", () => {
    for (const name of ["docs/install.md", "README.md"]) {
      const named = readFileSync(join(root, name), "utf8").matchAll(/@node-llama-cpp\/[\w-]+@(\d[\w.-]*\w)/g);
      for (const [what, version] of named) expect(version, `${name}: ${what}`).toBe(RUNTIME_PACKAGE_VERSION);
    }
  });
});

describe("src/gguf/types.ts", () => {
  const types = enumOf(source("types"), "ggml_type");

  it("has every tensor type by its number and name", () => {
    for (const [key, id] of types) {
      if (key === "GGML_TYPE_COUNT") continue;
      expect(tensorTypeById(id)?.name, key).toBe(key.replace("GGML_TYPE_", "").toLowerCase());
    }
    for (let id = 0; id < 256; id++) if (tensorTypeById(id)) expect([...types.values()], `type ${id}`).toContain(id);
    expect(types.size).toBeGreaterThan(30);
  });

  it("has the block size and the bytes of each", () => {
    const constants = new Map<string, number>([
      ...[...source("blocks").matchAll(/^#define (\w+) +(\d+)\b/gm)].map(
        ([, k, v]) => [k, Number(v)] as [string, number],
      ),
      ...[...source("blocks").matchAll(/^#define (\w+) +\(?(QK_K) ?\/ ?(\d+)\)?$/gm)].map(
        ([, k, , v]) => [k, 256 / Number(v)] as [string, number],
      ),
    ]);
    const sizes = new Map<string, number>(
      Object.entries({ int8_t: 1, uint8_t: 1, int16_t: 2, uint16_t: 2, int32_t: 4, uint32_t: 4, int64_t: 8, float: 4 }),
    );
    for (const [name, bytes] of [
      ["double", 8],
      ["ggml_half", 2],
      ["ggml_fp16_t", 2],
      ["ggml_bf16_t", 2],
    ] as const)
      sizes.set(name, bytes);
    /** The value of a C expression of numbers, constants and sizes. */
    const evaluate = (expression: string): number => {
      const numbers = expression
        .replaceAll(/sizeof\((\w+)\)/g, (_, name) => String(sizes.get(name)))
        .replaceAll(/\b[A-Z]\w*/g, (name) => String(constants.get(name)));
      if (!/^[\d\s()+*/-]+$/.test(numbers)) throw new Error(`${expression} is not understood: ${numbers}`);
      return Number(new Function(`return ${numbers}`)());
    };
    for (const [, name, expression] of source("blocks").matchAll(/static_assert\(sizeof\((block_\w+)\) == (.+), "/g))
      sizes.set(name as string, evaluate(expression as string));
    const traits = between(source("traits"), "type_traits[GGML_TYPE_COUNT] = {", "\n};");
    const seen = new Set<number>();
    const entry = /\[(GGML_TYPE_\w+)\] = \{[^}]*?\.blck_size += ([^,]+),[^}]*?\.type_size += ([^,]+),/g;
    for (const [, key, values, bytes] of traits.matchAll(entry)) {
      const id = types.get(key as string);
      // Types that were removed have entries without values.
      if (id === undefined) continue;
      seen.add(id);
      const { blockSize, blockBytes } = tensorTypeById(id) as { blockSize: number; blockBytes: number };
      expect([key, blockSize, blockBytes]).toEqual([key, evaluate(values as string), evaluate(bytes as string)]);
    }
    expect(seen.size).toBe(types.size - 1);
  });

  it("has every type of metadata values", () => {
    const short = (key: string) =>
      key.replace("GGUF_TYPE_", "").toLowerCase().replace("uint", "u").replace("int", "i").replace("float", "f");
    const theirs = [...enumOf(source("gguf"), "gguf_type")].map(([key, id]) => [short(key), id]);
    expect(Object.fromEntries(theirs)).toEqual(VALUE_TYPE_IDS);
    for (const [name, id] of theirs) expect(valueTypeById(id as number)).toBe(name as ValueType);
  });

  it("has every file type but those that are not offered", () => {
    /** Ternary, one-bit and MoE-only types, for models that were trained for them. */
    const notOffered = ["tq1_0", "tq2_0", "mxfp4_moe", "nvfp4", "q1_0", "q2_0", "guessed"];
    const missing = [];
    for (const [key, id] of enumOf(source("api"), "llama_ftype")) {
      const name = key.replace(/LLAMA_FTYPE_(?:ALL|MOSTLY)?_?/, "").toLowerCase();
      if (fileTypeByName(name) === undefined) missing.push(name);
      else expect([name, fileTypeByName(name)?.id, fileTypeName(id)]).toEqual([name, id, name]);
    }
    expect(missing).toEqual(notOffered);
  });
});

// Which type the quantiser gives each tensor: test/native/convert.test.ts runs it.

describe("src/scoring", () => {
  it("knows the weight types that llama.cpp repacks on x86", () => {
    const choices = between(source("repack"), "ggml_repack_get_optimal_repack_type", "\n}\n")
      .split(/cur->type == GGML_TYPE_/)
      .slice(1);
    const repacked = choices
      .filter((choice) => /ggml_cpu_has_avx/.test(choice))
      .map((choice) => choice.slice(0, choice.indexOf(")")).toLowerCase());
    expect(repacked.sort()).toEqual([...REPACKED_TYPES].sort());
  });

  it("repeats how llama.cpp hands layers to devices (gpu-fit.ts)", () => {
    const code = source("model").replaceAll(/\s+/g, " ");
    for (const statement of [
      // Parts as large as the free memory, added up.
      "splits[i] = free;",
      "for (size_t i = 0; i < n_devices(); ++i) { split_sum += splits[i]; splits[i] = split_sum; }",
      "for (size_t i = 0; i < n_devices(); ++i) { splits[i] /= split_sum; }",
      // From the last layer on, the output layer counted as one.
      "const int i_gpu_start = std::max(n_layer_all + 1 - n_gpu_layers, 0);",
      "const int act_gpu_layers = devices.empty() ? 0 : std::min(n_gpu_layers, n_layer_all + 1);",
      "if (il < i_gpu_start || (il - i_gpu_start) >= act_gpu_layers) {",
      "std::upper_bound(splits.begin(), splits.begin() + n_devices(), float(il - i_gpu_start)/act_gpu_layers)",
      "pimpl->dev_input = { cpu_dev, &pimpl->cpu_buft_list };",
      "pimpl->dev_output = get_layer_buft_list(n_layer_all);",
    ])
      expect(code, `llama_model_base::load_tensors no longer says: ${statement}`).toContain(statement);
  });

  it("leaves as much of a device free as llama.cpp does", () => {
    const [, size] = /fit_params_target = [^;]*llama_max_devices\(\), ([\d *]+)\)/.exec(source("fit")) ?? [];
    expect((size ?? "").split("*").reduce((product, factor) => product * Number(factor), 1)).toBe(DEVICE_RESERVE_BYTES);
  });
});

describe("the keys of a file", () => {
  const names = between(source("keys"), "LLM_KV_NAMES = {", "\n};");
  const keys = new Map([...names.matchAll(/\{ *(LLM_KV_\w+), *"([^"]+)" *\}/g)].map(([, id, key]) => [id, key]));

  it("that llama.cpp reads are all mutated (mutated-models/llama-keys.ts)", () => {
    expect(keys.size).toBeGreaterThan(150);
    const known = new Set(LLAMA_KEYS);
    const theirs = [...keys.values()].map((key) => (key as string).replace("%s", "llama"));
    expect(theirs.filter((key) => !known.has(key))).toEqual([]);
  });

  it("that it reads of every vocabulary have a type that is checked (src/gguf/llama-keys.ts)", () => {
    const read = source("vocabulary").matchAll(/(?:get_key\(|\{ )(LLM_KV_TOKENIZER_\w+), /g);
    const theirs = new Set([...read].map(([, id]) => keys.get(id) as string));
    expect(theirs.size).toBeGreaterThan(20);
    // The model decides which other keys there are: vocabulary-metadata.ts.
    theirs.delete("tokenizer.ggml.model");
    expect([...theirs].filter((key) => !KEY_TYPES.has(key))).toEqual([]);
  });
});

describe("our prefill kernels", () => {
  const hashes = prefillLibraryHashes();
  it.runIf(hashes !== undefined)("were made for the CPU libraries of the pinned package", () => {
    expect([...PREFILL_LIBRARIES].sort()).toEqual(hashes);
  });

  it("call weight types by llama.cpp's numbers", () => {
    const types = enumOf(source("types"), "ggml_type");
    const text = readFileSync(join(root, "native", "prefill", "weight_type.h"), "utf8");
    const own = [...between(text, "enum class WeightType", "};").matchAll(/\b([A-Z]\w+) = (\d+)/g)];
    expect(own.length).toBe(7);
    for (const [, name, id] of own) expect([name, types.get(`GGML_TYPE_${name}`)]).toEqual([name, Number(id)]);
  });
});
