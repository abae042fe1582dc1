/** Texts on another processor: the same bits in every way of scoring them, or not called exact. */
import { expect } from "vitest";
import { randomOf } from "../random.ts";

/** What is scored, for exact-child.mjs. */
export interface Amount {
  /** Tokens of each text. */
  readonly lengths: readonly number[];
  readonly pairs: number;
  /** Micro-batches of so many tokens; the model's row multiple rounds them up. */
  readonly batches: readonly number[];
  /** The texts in these micro-batches, and nothing else. */
  readonly onlyBatches?: boolean;
}

/** Scores, and what the model that computed them says of itself. */
interface Way {
  readonly scores: readonly number[];
  readonly batchMode: string;
  readonly kernelReasons: readonly string[];
}

/** A model, as exact-child.mjs describes it. */
export interface Examined {
  readonly cpuLibrary: string;
  readonly batchMode: string;
  readonly kernels: readonly { readonly kernel: string }[];
  /** Tokens of each text. */
  readonly lengths: readonly number[];
  /** Of the texts, then of the pairs. */
  readonly groups: readonly Readonly<Record<string, Way>>[];
}

/** After a space each of them is one token, in the vocabulary of the fixtures and in the embedded model's. */
const LETTERS = "abcdfghklmnrstwyAI";
const LONGEST_PROMPT = 31;

/** Each digit is a token, as the space before them is. */
const digitsOf = (random: (n: number) => number) => (count: number) =>
  Array.from({ length: count }, () => random(10)).join("");

/** Distinct texts; half begin like others. */
function textsOf(lengths: readonly number[], random: (n: number) => number): string[] {
  const digits = digitsOf(random);
  const common = digits(Math.max(...lengths));
  const texts = new Set<string>();
  for (const length of lengths) {
    const before = texts.size;
    while (texts.size === before) {
      const shared = random(2) * random(length);
      texts.add(
        length === 1
          ? (LETTERS[random(LETTERS.length)] as string)
          : common.slice(0, shared) + digits(length - 1 - shared),
      );
    }
  }
  return [...texts];
}

/** @param amount no more than 18 texts of one token, and ten of two */
export function exactSetup({ lengths, pairs, batches, onlyBatches = false }: Amount) {
  const random = randomOf(14);
  const texts = textsOf(lengths, random);
  const digits = digitsOf(random);
  const prompts = [9, 22, 3, LONGEST_PROMPT].slice(0, Math.max(2, Math.ceil(pairs / 10))).map(digits);
  return {
    texts,
    pairs: Array.from({ length: pairs }, (_, i) => ({
      prompt: prompts[i % prompts.length] as string,
      response: digits(1 + random(19)),
    })),
    batches,
    onlyBatches,
  };
}

/** @returns what differs, by way: of how many texts, and by how much at most; of models that say they are exact */
function differencesIn(group: Readonly<Record<string, Way>>): Record<string, string> {
  const exact = Object.entries(group).filter(([, { batchMode }]) => batchMode === "exact");
  const expected = exact[0]?.[1].scores ?? [];
  const found: Record<string, string> = {};
  for (const [way, { scores }] of exact) {
    const differing = scores.filter((score, i) => !Object.is(score, expected[i]));
    const most = Math.max(...scores.map((score, i) => Math.abs(score - (expected[i] as number))));
    if (scores.length !== expected.length) found[way] = `${scores.length} scores of ${expected.length}`;
    else if (differing.length > 0) found[way] = `${differing.length} by up to ${most}`;
  }
  return found;
}

/** What was found, in a line. */
export function summaryOf({ cpuLibrary, batchMode, kernels, lengths, groups }: Examined): string {
  const ways = groups.flatMap((group) => Object.values(group));
  const single = ways.filter((way) => way.batchMode !== "exact").length;
  const differences = groups.map(differencesIn).flatMap(Object.entries);
  return [
    `${lengths.length} texts of ${Math.min(...lengths)} to ${Math.max(...lengths)} tokens`,
    `${ways.length} ways${single === 0 ? "" : ` (${single} not called exact)`}`,
    batchMode,
    `${cpuLibrary.replace(/^.*libggml-cpu-|\.so$/g, "")}: ${[...new Set(kernels.map(({ kernel }) => kernel))].join(", ")}`,
    `differences: ${differences.map(([way, text]) => `${way} ${text}`).join(", ") || "none"}`,
  ].join("; ");
}

/** The same bits in every way, or not called exact. */
export function expectExact(found: Examined, amount: Amount, what: string): void {
  expect(found.lengths, what).toEqual(amount.lengths);
  for (const group of found.groups) {
    expect(differencesIn(group), what).toEqual({});
    const first = Object.values(group)[0] as Way;
    expect(new Set(first.scores).size, what).toBeGreaterThan(first.scores.length / 2);
    for (const [way, { batchMode, kernelReasons }] of Object.entries(group)) {
      expect(["exact", "single"], `${what}, ${way}`).toContain(batchMode);
      if (batchMode === "single") expect(kernelReasons, `${what}, ${way}`).not.toEqual([]);
    }
  }
}
