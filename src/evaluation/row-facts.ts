/** What rows say besides their texts and order: which models wrote the responses, and which prompts are paraphrases of each other. */
import { InvalidInputError } from "../errors.ts";
import { asParsed } from "../prompt/csv-cells.ts";
import { lookUp } from "../prompt/field-path.ts";
import { type Fields, isObject } from "../prompt/input-fields.ts";
import type { PlacedCase } from "./case.ts";
import { SeenNames } from "./seen-names.ts";

/** Fields of the rows, also within objects ("meta.models"). */
export interface FactFields {
  /** One with a list of names, or one for each response, in their order. Default: what the data sets call it. */
  readonly models?: readonly string[] | undefined;
  /** The same value in rows whose prompts are paraphrases of each other. Default: none. */
  readonly paraphrases?: string | undefined;
}

/** Adds facts to cases, and notes whether the fields that were asked for exist. */
export class RowFacts {
  readonly #fields: FactFields;
  readonly #found = new Set<string>();
  readonly #seen = new SeenNames();

  constructor(fields: FactFields = {}) {
    this.#fields = fields;
  }

  of(row: unknown, placed: PlacedCase): PlacedCase {
    if (!isObject(row)) return placed;
    this.#seen.add(row);
    const models = this.#modelsOf(row, placed);
    const named =
      models === undefined
        ? placed
        : {
            ...placed,
            responses: placed.responses.map((response, i) => {
              const model = models[i];
              return model === undefined ? response : { ...response, model };
            }),
          };
    const { paraphrases } = this.#fields;
    const group = paraphrases === undefined ? undefined : this.#lookUp(row, paraphrases);
    if (group === undefined || group === null || group === "") return named;
    const name = `paraphrases ${typeof group === "string" ? group : toJson(group)}`;
    return { ...named, paraphrases: name, group: name };
  }

  /**
   * To be called when all rows were read.
   *
   * @throws InvalidInputError for a field that no row has
   */
  check(): void {
    const { models = [], paraphrases } = this.#fields;
    const asked = [...models, ...(paraphrases === undefined ? [] : [paraphrases])];
    const name = asked.find((one) => !this.#found.has(one));
    const missing = this.#seen.noSuchField();
    if (name === undefined || missing === undefined) return;
    const what = name === paraphrases ? "paraphrases" : "models";
    throw new InvalidInputError(
      "ERR_INVALID_ARGUMENT",
      `Cannot read ${what} from ${JSON.stringify(name)}: ${missing}.`,
      { field: what === "models" ? "modelFields" : "paraphrases" },
    );
  }

  #lookUp(row: Fields, name: string): unknown {
    const value = lookUp(row, name);
    if (value !== undefined && value !== null) this.#found.add(name);
    return value;
  }

  #modelsOf(row: Fields, { responses, ...placed }: PlacedCase): readonly (string | undefined)[] | undefined {
    const { models } = this.#fields;
    if (models === undefined)
      return responses.some(({ model }) => model !== undefined) ? undefined : commonModels(row, responses);
    const values = models.map((name) => this.#lookUp(row, name));
    const only = models.length === 1 ? asParsed(values[0]) : undefined;
    const list: readonly unknown[] = Array.isArray(only) ? only : values;
    if (list.every((value) => value === undefined || value === null)) return undefined;
    if (list.length !== responses.length)
      throw new InvalidInputError(
        "ERR_INVALID_ITEM",
        `Expected ${responses.length} models in ${models.join(", ")}, one for each response, but row ${placed.row} has ${list.length}.`,
        { field: models[0] as string },
      );
    return list.map(nameOf);
  }
}

/** As Chatbot Arena, RewardBench and lists of responses name their models; undefined: they do not, or in an unknown order. */
function commonModels(row: Fields, responses: PlacedCase["responses"]): readonly (string | undefined)[] | undefined {
  const labels = responses.map(({ label }) => label);
  if (responses.length === 2) {
    const [a, b] = [nameOf(row["model_a"]), nameOf(row["model_b"])];
    if (a !== undefined && b !== undefined && labels.every((label) => label === a || label === b)) return labels;
    const [chosen, rejected] = [nameOf(row["chosen_model"]), nameOf(row["rejected_model"])];
    if (chosen !== undefined && rejected !== undefined && labels[0] === "chosen" && labels[1] === "rejected")
      return [chosen, rejected];
  }
  const models = asParsed(row["models"]);
  const isParallel = Array.isArray(asParsed(row["responses"])) && Array.isArray(models);
  return isParallel && models.length === responses.length ? models.map(nameOf) : undefined;
}

function nameOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** JSON.stringify() refuses the BigInts that stand for long whole numbers. */
function toJson(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(toJson).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}:${toJson(one)}`)}}`;
}
