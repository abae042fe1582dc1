/** Distinct sequences, nothing shared between them: how close the library comes to llama.cpp's own rate. */
import { fileURLToPath } from "node:url";
import { promptRateCommand } from "../llama-cpp.mjs";
import { uniform } from "../random-model/random.mjs";
import { shapes } from "../random-model/shapes.mjs";
import { makeTexts } from "../random-model/vocabulary.mjs";

const SEQUENCES = 8;
const TOKENS = 256;
/** What llama-bench's pp512 evaluates. */
const CEILING_TOKENS = 512;
const SEED = 8;
/** What the project promises: this share of llama.cpp's own rate. */
const AT_LEAST = 0.9;

/** @param {{ modelPath: string, shape: string, threads: number }} options */
export function distinct({ modelPath, shape, threads }) {
  const texts = makeTexts(uniform(SEED), shapes[shape].vocabulary, SEQUENCES, TOKENS);
  const task = { modelPath, threads, tokens: TOKENS, items: texts.map((text) => ({ text })) };
  const contender = fileURLToPath(new URL("../contenders/starling-rm.mjs", import.meta.url));
  const prompts = (SEQUENCES * TOKENS) / CEILING_TOKENS;
  const subject = "starling-rm";
  const reference = "llama.cpp pp512";
  return {
    name: "distinct",
    description: `${SEQUENCES} distinct sequences of ${TOKENS} tokens`,
    contenders: [
      {
        name: subject,
        does: `score() of ${SEQUENCES} texts of ${TOKENS} tokens with the default settings`,
        command: [process.execPath, contender, JSON.stringify(task)],
      },
      {
        name: reference,
        does: `what llama-bench's pp512 does, ${prompts} times: llama.cpp's own prompt-processing rate`,
        command: promptRateCommand({ modelPath, threads, tokens: CEILING_TOKENS, prompts }),
      },
      {
        name: `llama.cpp ${SEQUENCES} x pp${TOKENS}`,
        does: `the same with prompts of ${TOKENS} tokens, one decode each`,
        command: promptRateCommand({ modelPath, threads, tokens: TOKENS, prompts: SEQUENCES }),
      },
    ],
    comparisons: [
      { subject, reference, atLeast: AT_LEAST },
      { subject, reference: `llama.cpp ${SEQUENCES} x pp${TOKENS}` },
    ],
  };
}
