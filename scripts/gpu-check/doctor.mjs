// What `starling-rm doctor --json` says, with the model if there is one.
import { diagnose } from "../../dist/src/index.js";

export async function run({ modelPath }) {
  return diagnose(modelPath === undefined ? {} : { modelPath });
}
