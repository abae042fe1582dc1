/** The workloads: texts with known token counts and common prefixes. */
import { readFileSync } from "node:fs";
import { gaussians, uniform } from "./random-model/random.mjs";
import { makeTexts, pieces } from "./random-model/vocabulary.mjs";

/** Each turn has its own first pieces, so turns share no prefix. */
const PROMPTS_OF_A_TURN = 250;
/** Of the lengths that are drawn. */
const LENGTHS_SEED = 7;

const randomOf = (turn) => uniform(8 + turn);

/**
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} description
 * @property {"any" | "embedded"} model a random model of any shape, or the embedded model, whose checkpoint the torch reference
 *   can load
 * @property {(vocabulary: number, turn: number) => object[]} items input of score(), new in each turn because the cache still
 *   holds the last one
 * @property {boolean} shares whether items have common prefixes
 */

/** Responses to prompts, of these lengths. @param {readonly { prompt: number, responses: readonly number[] }[]} lengths */
function responsesTo(lengths) {
  return (vocabulary, turn) => {
    const random = randomOf(turn);
    return lengths.flatMap(({ prompt, responses }, i) => {
      const [text] = makeTexts(random, vocabulary, 1, prompt, turn * PROMPTS_OF_A_TURN + i);
      return responses.map((tokens) => ({ text: text + pieces(random, vocabulary, tokens) }));
    });
  };
}

/** Prompts of `promptTokens` with `responses` responses each. */
export function shared({ prompts = 1, promptTokens, responses, responseTokens }) {
  return responsesTo(
    Array.from({ length: prompts }, () => ({
      prompt: promptTokens,
      responses: Array.from({ length: responses }, () => responseTokens),
    })),
  );
}

/**
 * Lengths as in a data set of preferences: many short ones and a few long ones (log-normal), the same in every turn, so that
 * turns differ in their texts only.
 */
function nectarLike({ prompts, promptTokens, responses, responseTokens }) {
  const random = uniform(LENGTHS_SEED);
  const draw = ({ median, sigma, least, most }) => {
    for (;;) {
      const tokens = Math.round(median * Math.exp(gaussians(random, 1, sigma)[0]));
      if (tokens >= least && tokens <= most) return tokens;
    }
  };
  return responsesTo(
    Array.from({ length: prompts }, () => ({
      prompt: draw(promptTokens),
      responses: Array.from({ length: responses }, () => draw(responseTokens)),
    })),
  );
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
    name: "1x64",
    description: "one sequence of 64 tokens",
    model: "any",
    items: distinct(1, 64),
    shares: false,
  },
  {
    name: "1x256",
    description: "one sequence of 256 tokens",
    model: "any",
    items: distinct(1, 256),
    shares: false,
  },
  {
    name: "1x2048",
    description: "one sequence of 2048 tokens",
    model: "any",
    items: distinct(1, 2048),
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
    name: "nectar-like",
    description: "4 prompts of 20 to 600 tokens with 7 responses of 30 to 500 each",
    model: "any",
    items: nectarLike({
      prompts: 4,
      promptTokens: { median: 90, sigma: 0.9, least: 20, most: 600 },
      responses: 7,
      responseTokens: { median: 180, sigma: 0.7, least: 30, most: 500 },
    }),
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
