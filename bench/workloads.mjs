/** The workloads: texts with known token counts and common prefixes. */
import { readFileSync } from "node:fs";
import { below, uniform } from "./random-model/random.mjs";
import { makeTexts, pieces } from "./random-model/vocabulary.mjs";

/** Each turn has its own first pieces, so turns share no prefix. */
const PROMPTS_OF_A_TURN = 250;

const randomOf = (turn) => uniform(8 + turn);

/**
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} description
 * @property {"any" | "tiny" | "embedded"} model any shape, only the tiny shape (a large one would take an hour), or the
 *   embedded model, whose checkpoint the torch reference can load
 * @property {(vocabulary: number, turn: number) => object[]} items input of score(), new in each turn because the cache still
 *   holds the last one
 * @property {boolean} shares whether items have common prefixes
 */

/** Prompts of `promptTokens` with `responses` responses each. A count can be a range, from which each value is drawn. */
export function shared({ prompts = 1, promptTokens, responses, responseTokens }) {
  return (vocabulary, turn) => {
    const random = randomOf(turn);
    const count = (range) => (Array.isArray(range) ? range[0] + below(random, range[1] - range[0] + 1) : range);
    const items = [];
    for (let i = 0; i < prompts; i++) {
      const [prompt] = makeTexts(random, vocabulary, 1, count(promptTokens), turn * PROMPTS_OF_A_TURN + i);
      for (let k = 0; k < responses; k++)
        items.push({ text: prompt + pieces(random, vocabulary, count(responseTokens)) });
    }
    return items;
  };
}

function distinct(count, tokens) {
  return (vocabulary, turn) =>
    makeTexts(randomOf(turn), vocabulary, count, tokens, turn * PROMPTS_OF_A_TURN).map((text) => ({ text }));
}

const SAMPLE_ITEMS = 8;

/** Short prompts with a few responses each, like the model card's example. */
function demonstration(_vocabulary, turn) {
  const file = new URL("../models/starling-rm-tiny/demo.json", import.meta.url);
  const entries = JSON.parse(readFileSync(file, "utf8"));
  const items = entries.flatMap(({ prompt, responses }) => responses.map((response) => ({ prompt, response })));
  return Array.from({ length: SAMPLE_ITEMS }, (_, i) => items[(turn * SAMPLE_ITEMS + i) % items.length]);
}

/** @type {readonly Workload[]} */
export const workloads = [
  {
    name: "1x256",
    description: "one sequence of 256 tokens",
    model: "any",
    items: distinct(1, 256),
    shares: false,
  },
  {
    name: "8x256",
    description: "8 distinct sequences of 256 tokens",
    model: "any",
    items: distinct(8, 256),
    shares: false,
  },
  {
    name: "200+7x60",
    description: "7 responses of 60 tokens to a prompt of 200",
    model: "any",
    items: shared({ promptTokens: 200, responses: 7, responseTokens: 60 }),
    shares: true,
  },
  {
    name: "1000+7x100",
    description: "7 responses of 100 tokens to a prompt of 1000",
    model: "any",
    items: shared({ promptTokens: 1000, responses: 7, responseTokens: 100 }),
    shares: true,
  },
  {
    name: "100+64x20",
    description: "64 responses of 20 tokens to a prompt of 100",
    model: "any",
    items: shared({ promptTokens: 100, responses: 64, responseTokens: 20 }),
    shares: true,
  },
  {
    name: "nectar",
    description: "200 prompts of 20 to 140 tokens with 7 responses of 10 to 70 each",
    model: "tiny",
    items: shared({ prompts: 200, promptTokens: [20, 140], responses: 7, responseTokens: [10, 70] }),
    shares: true,
  },
  {
    name: "sample",
    description: "8 responses to short prompts, scored with the embedded model",
    model: "embedded",
    items: demonstration,
    shares: true,
  },
];
