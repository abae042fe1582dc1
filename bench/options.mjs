/** Command-line options shared by the bench's programs. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { shapes } from "./random-model/shapes.mjs";

const bench = fileURLToPath(new URL(".", import.meta.url));
const types = ["q4_k_m", "q8_0", "f16"];
const REPETITIONS = 5;
const QUICK_REPETITIONS = 2;
const QUICK_MODEL = "3.5m";

export const resultsFolder = join(bench, "results");
/** Folder of the random models, 2 GB and more. */
export const modelsFolder = process.env.STARLING_RM_CACHE || join(bench, "models");

const shared = `  --model SHAPE       shape of the random model: ${Object.keys(shapes).join(", ")} (default 1.1b)
  --type TYPE         its weight type: ${types.join(", ")} (default q4_k_m)
  --repetitions N     measurements per contender, after a warm-up (default ${REPETITIONS})
  --threads N         for every contender (default: all cores)
  --quick             the shape ${QUICK_MODEL} and ${QUICK_REPETITIONS} repetitions: tests the bench, the numbers mean nothing
  --help              this text`;

/**
 * @param {string} usage first lines of --help
 * @param {Readonly<Record<string, { type: "string" | "boolean" }>>} extra additional options
 * @param {boolean} lists whether --model and --type may be comma-separated lists: `models` and `types` of the result
 */
export function readOptions(usage, extra = {}, lists = false) {
  const { values } = parseArgs({
    options: {
      model: { type: "string" },
      type: { type: "string", default: "q4_k_m" },
      repetitions: { type: "string" },
      threads: { type: "string", default: `${availableParallelism()}` },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      ...extra,
    },
  });
  if (values.help) {
    console.log(`${usage}\n\n${shared}`);
    process.exit(0);
  }
  const chosen = (name, value, choices) =>
    (lists ? value.split(",") : [value]).map((one) => oneOf(name, one.trim().toLowerCase(), choices));
  const models = chosen("--model", values.model ?? (values.quick ? QUICK_MODEL : "1.1b"), Object.keys(shapes));
  const weightTypes = chosen("--type", values.type, types);
  return {
    ...values,
    models,
    types: weightTypes,
    model: models[0],
    type: weightTypes[0],
    repetitions: positive("--repetitions", values.repetitions ?? (values.quick ? QUICK_REPETITIONS : REPETITIONS)),
    threads: positive("--threads", values.threads),
  };
}

function oneOf(name, value, choices) {
  if (choices.includes(value)) return value;
  throw new RangeError(`Expected one of ${choices.join(", ")} for ${name} but received ${JSON.stringify(value)}.`);
}

/** @throws RangeError with the option's name */
export function positive(name, value) {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new RangeError(`Expected a positive integer for ${name} but received ${JSON.stringify(value)}.`);
}
