/** The options of probe(). */
import { aFunction, aString, type Check, checkOptions, nearest } from "../../options.ts";
import { checkRequest, type EvaluateOptions, evaluationChecks, type SharedOption } from "../evaluate-options.ts";
import type { BenchmarkRequest } from "../open-benchmark.ts";
import type { ProbedText } from "./report.ts";
import { transformations } from "./transformations/transformations.ts";

/** Options of probe(). */
export interface ProbeOptions extends Pick<EvaluateOptions, SharedOption | "modelPath" | "onProgress"> {
  /** The data. Rows of "pairs" need no order here: what `score` reads is enough. `seed` also decides what the changed texts say. */
  readonly data: BenchmarkRequest;
  /** Names of probes, from {@link probes}. Default: all. */
  readonly probes?: readonly string[];
  /** Folder for report.json and texts.jsonl, which has every text with its score; made if missing, older ones are replaced. Default: none. */
  readonly output?: string;
  /** Called with each text that was scored or failed, original texts included, in the order of the data. */
  readonly onText?: (text: ProbedText) => void | Promise<void>;
}

const someProbes: Check = (value) => {
  const names = transformations.map(({ name }) => name);
  if (!Array.isArray(value) || value.length === 0) return "a list of names of probes";
  const unknown = value.find((name) => !names.includes(name));
  if (unknown === undefined) return undefined;
  const near = typeof unknown === "string" ? nearest(unknown, names) : undefined;
  const advice = near === undefined ? ` of ${names.join(", ")}` : `; did you mean "${near}" where it has "${unknown}"?`;
  return `a list of names of probes${advice}`;
};

export function checkProbeOptions(options: ProbeOptions): ProbeOptions {
  const checked = checkOptions(
    "probe",
    options,
    {
      ...evaluationChecks,
      modelPath: aString,
      data: () => undefined,
      probes: someProbes,
      output: aString,
      onText: aFunction,
    },
    ["modelPath", "data"],
  );
  checkRequest(checked.data, "data");
  return checked;
}
