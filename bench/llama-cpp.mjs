/** llama.cpp itself as a contender: bench/native/prompt_rate.cpp with the library's runtime. */
import { findRuntime } from "../dist/src/native/runtime-folder.js";
import { buildNative } from "./build-native.mjs";

let program;

/**
 * @param {{ modelPath: string, threads: number, tokens: number, prompts: number }} work
 * @param {Readonly<Record<string, string | number>>} settings further options of the program, such as {"kv-type": "f32"}
 * @returns {[string, ...string[]]}
 */
export function promptRateCommand({ modelPath, threads, tokens, prompts }, settings = {}) {
  program ??= buildNative("prompt_rate");
  const { folder, ggmlBase, ggml, llama, version } = findRuntime("cpu");
  const options = { folder, "ggml-base": ggmlBase, ggml, llama, version, model: modelPath, threads, tokens, prompts };
  return [
    program,
    ...Object.entries({ ...options, ...settings }).flatMap(([name, value]) => [`--${name}`, `${value}`]),
  ];
}
