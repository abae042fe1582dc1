/** Everything that an estimate is made of. */
export { readModelFile } from "../scoring/model-file.ts";
export { type CountedRow, countTokens, type TokenCount } from "./count-tokens.ts";
export { derivedRate } from "./machines.ts";
export { MeasurementRows, measureRate } from "./measure-rate.ts";
export { type Estimate, type EstimateRate, planRun } from "./plan.ts";
