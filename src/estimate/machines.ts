/** Rates of machines that somebody measured, and what follows from them for another model. Nothing here is guessed. */
import { InvalidInputError } from "../errors.ts";

export interface MachineRate {
  /** The weight type that was measured. */
  readonly type: string;
  /** Weights of the model that was measured. */
  readonly weights: number;
  /** Tokens of prompts per second, 512 tokens each where not said otherwise. */
  readonly tokensPerSecond: number;
}

export interface Machine {
  readonly name: string;
  /** Memory for weights, in GiB. */
  readonly memory: number;
  readonly rates: readonly MachineRate[];
  /** Who measured, with what. */
  readonly source: string;
}

/** What is known of a model without running it. */
export interface ModelSize {
  readonly fileType: string;
  readonly parameters: number;
  readonly weightBytes: number;
}

export interface DerivedRate {
  readonly machine: string;
  readonly tokensPerSecond: number;
  /** How it was derived, a sentence. */
  readonly derivation: string;
}

/** Weights of Llama 3. */
const [LLAMA_8B, LLAMA_70B] = [8.03e9, 70.55e9];
const PUBLISHED =
  "llama-bench pp512 with Llama 3 (github.com/XiongjieDai/GPU-Benchmarks-on-LLM-Inference, llama.cpp of May 2024)";
const OURS = "this project's benchmark, 8 texts of 256 tokens (bench/README.md)";
/** Weights of TinyLlama's shape. */
const TINY_LLAMA = 1.1e9;

function published(name: string, memory: number, rates: Readonly<Record<string, number>>): Machine {
  return {
    name,
    memory,
    source: PUBLISHED,
    rates: Object.entries(rates).map(([model, tokensPerSecond]) => {
      const [size, type = ""] = model.split(" ");
      return { type, weights: size === "8B" ? LLAMA_8B : LLAMA_70B, tokensPerSecond };
    }),
  };
}

export const machines: readonly Machine[] = [
  published("M1 (7-core GPU, 8 GB)", 8, { "8B q4_k_m": 94.48 }),
  published("M1 Max (32-core GPU, 64 GB)", 64, { "8B q4_k_m": 408.23, "70B q4_k_m": 34.96, "8B f16": 517.34 }),
  published("M2 Ultra (76-core GPU, 192 GB)", 192, {
    ...{ "8B q4_k_m": 994.04, "70B q4_k_m": 118.79 },
    ...{ "8B f16": 1175.4, "70B f16": 147.58 },
  }),
  published("M3 Max (40-core GPU, 64 GB)", 64, { "8B q4_k_m": 693.32, "70B q4_k_m": 70.19, "8B f16": 769.84 }),
  published("RTX 3070", 8, { "8B q4_k_m": 2402.51 }),
  published("RTX 3080", 10, { "8B q4_k_m": 3728.86 }),
  published("RTX 3090", 24, { "8B q4_k_m": 4030.4, "8B f16": 4444.65 }),
  published("RTX 4070 Ti", 12, { "8B q4_k_m": 3936.29 }),
  published("RTX 4080", 16, { "8B q4_k_m": 5389.74, "8B f16": 7246.97 }),
  published("RTX 4090", 24, { "8B q4_k_m": 7138.99, "8B f16": 9382 }),
  {
    name: "2 threads of a Xeon with AVX-512 VNNI",
    memory: 24,
    source: OURS,
    rates: [
      { type: "q4_k_m", weights: TINY_LLAMA, tokensPerSecond: 420.2 },
      { type: "q8_0", weights: TINY_LLAMA, tokensPerSecond: 245.4 },
      { type: "f16", weights: TINY_LLAMA, tokensPerSecond: 141.5 },
    ],
  },
];

/**
 * How much smaller or larger than what was measured a model may be. Of the machines that ran both sizes of Llama 3, nine times apart,
 * the rate of the large one is 0.75 to 1.1 of what follows from the small one.
 */
const MAX_SCALE = 8;
/** Which measured type stands for one that was not measured: the next with at most as many bits, or else the smallest. */
const STANDS_FOR: Readonly<Record<string, readonly string[]>> = {
  q8_0: ["q8_0", "f16", "q4_k_m"],
  f16: ["f16"],
  bf16: ["f16"],
};
const FOUR_TO_SIX_BITS = /^q[456]/;

/**
 * The rate of a model on a machine, from one that was measured there: a prefill's time grows with the weights that each token is
 * multiplied with. Between two sizes that were measured, the product of rate and weights is interpolated.
 *
 * @throws InvalidInputError for an unknown machine, a model that does not fit into it or is far from what was measured, and a weight
 *   type that nothing was measured of
 */
export function derivedRate(name: string, model: ModelSize): DerivedRate {
  const machine = findMachine(name);
  const gib = model.weightBytes / 2 ** 30;
  if (gib > machine.memory)
    throw refused(
      `The model does not fit into ${machine.name}: it has ${gib.toFixed(1)} GiB of weights, the machine ${machine.memory} GiB.`,
    );
  const type = model.fileType.toLowerCase();
  const types = STANDS_FOR[type] ?? (FOUR_TO_SIX_BITS.test(type) ? ["q4_k_m"] : []);
  const measured = types.find((each) => machine.rates.some((rate) => rate.type === each));
  if (measured === undefined)
    throw refused(
      `No rate of ${model.fileType} weights was measured on ${machine.name}, only of ` +
        `${[...new Set(machine.rates.map((rate) => rate.type))].join(" and ")}: measure one on your machine and give it (--rate TOKENS).`,
    );
  const rates = machine.rates.filter((rate) => rate.type === measured).sort((a, b) => a.weights - b.weights);
  const [smallest, largest] = [rates[0], rates.at(-1)] as [MachineRate, MachineRate];
  if (model.parameters * MAX_SCALE < smallest.weights || model.parameters > MAX_SCALE * largest.weights)
    throw refused(
      `No rate of a model of ${billions(model.parameters)} weights follows from what was measured on ${machine.name} ` +
        `(${rates.map((rate) => billions(rate.weights)).join(" and ")}): measure one on your machine and give it (--rate TOKENS).`,
    );
  const tokensPerSecond = workPerSecond(rates, model.parameters) / model.parameters;
  const points = rates.map((rate) => `${rate.tokensPerSecond} tokens/s of ${billions(rate.weights)} weights`);
  const standIn = measured === type ? "" : `, which stands for ${model.fileType}`;
  return {
    machine: machine.name,
    tokensPerSecond,
    derivation:
      `derived, not measured: ${points.join(" and ")} at ${measured}${standIn}, scaled to ${billions(model.parameters)} weights; ` +
      machine.source,
  };
}

/** Weights times tokens per second, for a model of so many weights. */
function workPerSecond(rates: readonly MachineRate[], weights: number): number {
  const [first, last] = [rates[0], rates.at(-1)] as [MachineRate, MachineRate];
  const work = (rate: MachineRate) => rate.tokensPerSecond * rate.weights;
  if (weights <= first.weights || first === last) return work(first);
  if (weights >= last.weights) return work(last);
  const part = Math.log(weights / first.weights) / Math.log(last.weights / first.weights);
  return work(first) * (work(last) / work(first)) ** part;
}

function findMachine(name: string): Machine {
  const wanted = plain(name);
  const found = machines.filter((machine) => plain(machine.name) === wanted || plain(shortName(machine)) === wanted);
  if (found[0] !== undefined) return found[0];
  const known = machines.map(shortName).join(", ");
  throw refused(
    `No rate of the machine ${JSON.stringify(name)} is known, only of ${known}. For others give a rate (--rate), or measure it there.`,
  );
}

function shortName({ name }: Machine): string {
  return name.replace(/ \(.*/, "");
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/apple|nvidia|geforce|[^a-z0-9]/g, "");
}

function billions(weights: number): string {
  return weights >= 1e9 ? `${(weights / 1e9).toFixed(1)} billion` : `${(weights / 1e6).toFixed(1)} million`;
}

function refused(message: string): InvalidInputError {
  return new InvalidInputError("ERR_INVALID_ARGUMENT", message, { field: "machine" });
}
