/** A report of all benchmarks with everything in it that a report can hold, hostile texts among it. */
import { type BenchmarkName, benchmarkNames, type ScoredCase } from "../../../../src/evaluation/case.ts";
import { incompleteOf, incompleteOfAll } from "../../../../src/evaluation/incomplete.ts";
import type { Flip } from "../../../../src/evaluation/measures/flips.ts";
import { measureBenchmark } from "../../../../src/evaluation/measures/measure.ts";
import { type CaseTexts, WorstMistakes } from "../../../../src/evaluation/measures/mistakes.ts";
import { type BenchmarkReport, cardAverages, type EvaluationReport } from "../../../../src/evaluation/report.ts";
import type { RunsComparison } from "../../../../src/evaluation/runs-comparison.ts";
import { normal, scoredCase, seededRandom } from "../measures/support.ts";

/** What a script in a text would leave behind, if it ran. */
export const SCRIPT_MARK = "starlingScriptRan";

/** Where a text would make a browser look, if it could. */
const ELSEWHERE = "http://127.0.0.1:9/elsewhere";

export const hostileTexts: readonly string[] = [
  `</script><script>window.${SCRIPT_MARK}=1</script>`,
  `<img src=x onerror="window.${SCRIPT_MARK}=1"><img src="${ELSEWHERE}.png">`,
  `</div></details></section></main><h1>taken over</h1><style>*{display:none!important}</style>`,
  `"><svg onload=window.${SCRIPT_MARK}=1><iframe src="${ELSEWHERE}"></iframe>`,
  `<link rel=stylesheet href="${ELSEWHERE}.css"><meta http-equiv=refresh content="0;url=${ELSEWHERE}"><base href="${ELSEWHERE}">`,
  `&lt;b&gt; &amp; &#x3c;script&#x3e; <!-- <![CDATA[ ]]> -->`,
  `evil\u202egnp.exe\u202c and \u2066isolated \u200b\ufeff zero width, \u0000\u0007\u001b[31m controls ${"\u0008".repeat(500)}`,
  `half \ud800 a pair, and the other \udc00 half`,
  `Z${"\u0301\u0316\u0334".repeat(400)}algo, ${"\u{1f468}\u200d\u{1f469}\u200d\u{1f467}"} and مرحبا بالعالم, שלום`,
  `${"x".repeat(1_000_000)}the end`,
  `${"word ".repeat(400_000)}the end`,
  `javascript:window.${SCRIPT_MARK}=1 {{constructor.constructor("window.${SCRIPT_MARK}=1")()}} \${window.${SCRIPT_MARK}=1}`,
];

const titles: Readonly<Record<BenchmarkName, string>> = {
  human: "Chatbot Arena: the conversation that people preferred",
  truth: "TruthfulQA: best answer, correct answers, incorrect answers",
  safety: "PKU-SafeRLHF: the safe response",
  nectar: "Nectar: seven ranked responses",
  rewardbench: "RewardBench: chosen against rejected",
  rewardbench2: "RewardBench 2: best of four, and ties",
  rmbench: "RM-Bench: three styles",
  ppe: "Preference Proxy Evaluations",
  pairs: "Pairs of my own",
};

const cards: Partial<Record<BenchmarkName, Record<string, number>>> = {
  human: { "Starling-RM-34B": 0.807, "Starling-RM-7B-alpha": 0.762 },
  truth: { "Starling-RM-34B": 0.712, "Starling-RM-7B-alpha": 0.684 },
  safety: { "Starling-RM-34B": 0.782, "Starling-RM-7B-alpha": 0.767 },
};

const subsetsOf: Partial<Record<BenchmarkName, readonly string[]>> = {
  rewardbench: [
    ...["alpacaeval-easy", "alpacaeval-length", "alpacaeval-hard", "mt-bench-easy", "mt-bench-med", "mt-bench-hard"],
    ...["llmbar-natural", "llmbar-adver-neighbor", "llmbar-adver-GPTInst", "llmbar-adver-GPTOut"],
    ...["llmbar-adver-manual", "refusals-dangerous", "refusals-offensive", "xstest-should-refuse"],
    ...["xstest-should-respond", "donotanswer", "math-prm", "hep-cpp", "hep-go", "hep-java", "hep-js", "hep-python"],
    ...["hep-rust", "a subset of my own <b>"],
  ],
  rewardbench2: ["Factuality", "Precise IF", "Math", "Safety", "Focus", "Ties"],
  rmbench: ["chat", "math", "code", "safety-refuse", "safety-response", "<b>poetry</b>"],
  ppe: ["human", "mmlu_pro", "math", "gpqa", "ifeval"],
  pairs: [...hostileTexts],
};

/** Names of models that wrote the responses. */
const models = ["small-chat", "<b>big</b>-chat", "a model of a very long name ".repeat(6), "نموذج"];

/** How much each benchmark's scores follow quality, and length. */
const leanings: Readonly<Record<BenchmarkName, readonly [number, number]>> = {
  human: [1.2, 0.15],
  truth: [0.8, 0],
  safety: [1.1, 0],
  nectar: [0.5, 0.5],
  rewardbench: [1, 0.1],
  rewardbench2: [1.2, 0],
  rmbench: [0.9, 0.2],
  ppe: [0.6, 0.1],
  pairs: [0, 12],
};

/** Where it is not two. */
const counts: Partial<Record<BenchmarkName, number>> = { nectar: 7, rewardbench2: 4, truth: 6, rmbench: 6, ppe: 8 };

function casesOf(name: BenchmarkName, count: number, random: () => number): ScoredCase[] {
  const responses = counts[name] ?? 2;
  const [quality, length] = leanings[name];
  const subsets = subsetsOf[name];
  return Array.from({ length: count }, (_, i) => {
    const subset = subsets?.[i % subsets.length];
    const grades = Array.from({ length: responses }, (_, k) => (name === "nectar" ? responses - k : k === 0 ? 1 : 0));
    if (name === "rmbench") grades.fill(1, 0, 3);
    if (subset === "human") grades.length = 2;
    const tied = i % 12 >= 6;
    if (subset === "Ties" && tied) grades[1] = 1;
    const top = Math.max(...grades);
    const lengths = grades.map((grade) => Math.floor(40 + 900 * random() ** 2 + (80 * grade) / top));
    const scores = grades.map(
      (grade, k) => (quality * grade) / top + (length * (lengths[k] as number)) / 500 + 0.7 * normal(random),
    );
    if (i % 97 === 0) scores.fill(0.5);
    const ties = subset === "Ties" && { id: `${tied ? "tied" : "ref"}:${Math.floor(i / 12)}` };
    return scoredCase({
      source: i % 2,
      row: i + 1,
      grades,
      lengths,
      scores,
      ...(subset !== undefined && { subset }),
      ...((name === "human" || subset === "human") && {
        models: grades.map((_, k) => models[(i + k * (1 + (i % 3))) % models.length]),
      }),
      ...(name === "human" && {
        groups: { category: hostileTexts[i % hostileTexts.length] as string, "<b>turns</b>": `${1 + (i % 3)}` },
      }),
      ...(name === "pairs" && { paraphrases: `paraphrases ${i >> 2}`, responses: ["aa", "bb"] }),
      ...(ties || (i % 3 === 0 && { id: `id-${i}<script>` })),
    });
  });
}

const BROKEN_DOWN: ReadonlyMap<BenchmarkName, readonly string[]> = new Map([["human", ["category", "<b>turns</b>"]]]);

function textsOf(index: number): CaseTexts {
  const text = (offset: number) => hostileTexts[(index + offset) % hostileTexts.length] as string;
  const plain =
    "The quick answer is that water boils at a lower temperature on a mountain, because the air is thinner. ";
  return {
    prompt: index % 2 ? text(0) : `Why does water boil sooner on a mountain?\n\nPlease be brief. ${text(3)}`,
    responses: Array.from({ length: 7 }, (_, k) => ({
      text: k % 2 ? plain.repeat(9) : text(k + 1),
      label: text(k + 2),
    })),
  };
}

export function richReport(count = 600): EvaluationReport {
  const random = seededRandom(17);
  const benchmarks = benchmarkNames.map((name): BenchmarkReport => {
    const cases = casesOf(name, count, random);
    const worst = new WorstMistakes();
    for (const [i, scored] of cases.entries()) worst.add(scored, () => textsOf(i));
    const card = cards[name];
    return {
      benchmark: name,
      title: titles[name],
      ...(name === "rewardbench" ? {} : { limit: 1000 }),
      ...measureBenchmark(name, cases, BROKEN_DOWN.get(name)),
      sources: [
        {
          name: `hf:some/data@${"0123456789abcdef".repeat(2)}01234567/data/train-00000-of-00001.parquet`,
          sha256: "ab".repeat(32),
        },
        { name: "own <i>file</i>.jsonl", sha256: "01".repeat(32) },
      ],
      rows: {
        read: count * 2 + 31,
        omitted: { tie: 12, "tie (bothbad)": 7, "<script>": 3 },
        broken: 4,
        cases: count + 50,
        sampled: count + 5,
        failed: 5,
        problems: { "<b>rejected</b> is missing": 9 },
      },
      ...(card && { card }),
      mistakes: worst.worst,
      truncatedResponses: 90,
      problems: hostileTexts.map((message, i) => ({ source: i % 2, row: i + 3, message })),
      truncated: Array.from({ length: 90 }, (_, i) => ({ source: i % 2, row: i * 7 + 1, response: i % 3 })),
    };
  });
  const accuracies = benchmarks.flatMap(({ accuracy }) => accuracy ?? []);
  return {
    formatVersion: 1,
    version: "0.1.0",
    accuracy: accuracies.reduce((a, b) => a + b) / accuracies.length,
    interval: { method: "combined", level: 0.95, low: 0.741, high: 0.802 },
    card: cardAverages(benchmarks),
    model: {
      file: "starling-rm-34b-q4_k_m.gguf",
      sha256: "5f".repeat(32),
      name: "Starling RM 34B </title><script>",
      notice: "Trained on nothing at all: its scores <b>mean</b> nothing.",
      profile: "starling-rm-34b",
      type: "q4_k_m",
      parameters: 34_388_917_248,
      head: { file: "own-head.gguf", sha256: "77".repeat(32) },
    },
    settings: {
      tokenization: "fast-4.41",
      specialTokens: "text",
      maxTokens: 2048,
      backend: "cpu",
      batchMode: "exact",
      llamaVersion: "v0.4.0",
      seed: 1,
      limit: 1000,
    },
    benchmarks,
  };
}

/** The benchmarks of a rich report in several runs, of which the second one is the better; hostile texts in the cases that differ. */
export function richComparison(runs: number, count = 40): RunsComparison {
  const report = richReport(count);
  const flip = (i: number): Flip => {
    const { prompt, responses } = textsOf(i);
    return {
      ...{ source: i % 2, row: i + 1, gain: i % 3 === 0 ? -1 : 1, margins: [i % 3 === 0 ? 1.5 : -1.5, 0.25] },
      ...(i % 2 === 0 && { id: hostileTexts[i % hostileTexts.length] as string, subset: "מבחן" }),
      ...(i % 4 < 2 && { prompt, better: responses[0]?.text ?? "", worse: responses[1]?.text ?? "" }),
    };
  };
  const interval = { method: "paired", level: 0.95, low: -0.02, high: 0.14 } as const;
  return {
    formatVersion: 1,
    version: report.version,
    runs: Array.from({ length: runs }, (_, i) => ({
      report: `a folder ${"of a long name/".repeat(9)}${i}`,
      model: i < 2 ? report.model : { ...report.model, name: `نموذج <b>${"x".repeat(300)}` },
      settings: report.settings,
      accuracy: 0.7 + i / 100,
    })),
    benchmarks: report.benchmarks.map(({ benchmark, title, ...measures }) => ({
      ...{ benchmark, title, common: count },
      cases: Array.from({ length: runs }, () => count),
      measures: Array.from({ length: runs }, () => measures),
      differences: Array.from({ length: runs - 1 }, (_, i) => ({
        ...{
          run: i + 1,
          difference: 0.06,
          interval,
          p: 0.3,
          test: "exact" as const,
          onlyFirstRight: 5,
          onlyThisRight: 9,
        },
        ...(measures.officialScore?.score !== undefined && { officialScore: { difference: -0.03, interval } }),
      })),
      ...(runs === 2 && { flips: Array.from({ length: 24 }, (_, i) => flip(i)) }),
    })),
    notices: hostileTexts.slice(0, 3),
  };
}

/** The same with what its numbers are of: rows failed. */
export function withFailures(report: EvaluationReport): EvaluationReport {
  const benchmarks = report.benchmarks.map((one) => ({ ...one, ...incompleteOf(one.rows) }));
  return { ...report, ...incompleteOfAll(benchmarks), benchmarks };
}
