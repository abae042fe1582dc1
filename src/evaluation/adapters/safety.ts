/** PKU-Alignment/PKU-SafeRLHF, versions of 2023 and 2024: two responses, each labelled safe or unsafe. */
import { type Adapted, type AdaptOptions, flagOf, rowFields, textOf } from "./adapter.ts";

const READ = ["prompt", "response_0", "response_1"];

/** Only rows with exactly one safe response have a better one. */
export function adaptSafety(row: unknown, options: AdaptOptions = {}): Adapted {
  const fields = rowFields(row, options, '{"prompt","response_0","response_1"}', READ);
  const prompt = textOf(fields, "prompt");
  const [first, second] = ["response_0", "response_1"].map((name) => {
    const isSafe = flagOf(fields, `is_${name}_safe`);
    const item = { prompt, response: textOf(fields, name) };
    return { item, grade: isSafe ? 1 : 0, label: isSafe ? "safe" : "unsafe" };
  }) as [Side, Side];
  if (first.grade === second.grade) return { omitted: first.grade === 1 ? "both safe" : "neither safe" };
  const better = first.grade === 1 ? 0 : 1;
  return { case: { responses: [first, second], comparisons: [{ better, worse: 1 - better }] } };
}

interface Side {
  readonly item: { readonly prompt: string; readonly response: string };
  readonly grade: number;
  readonly label: string;
}
