// What an application writes with starling-rm/convert.
import {
  type ConvertResult,
  convert,
  type HeadInspection,
  type InspectResult,
  inspectModel,
  quantize,
  type WeightTypes,
  weightTypes,
} from "starling-rm/convert";

const found: InspectResult | HeadInspection = await inspectModel({ modelPath: "tiny" });
if (found.kind !== "head") console.log(found.layers, found.memory?.total, found.head?.length);

export async function make(checkpoint: string, output: string): Promise<ConvertResult> {
  const made: ConvertResult = await convert({
    checkpoint,
    output,
    type: weightTypes.includes("q8_0") ? "q8_0" : "f16",
    onProgress: ({ phase, fraction }) => console.log(phase, fraction.toFixed(2)),
  });
  const smaller: WeightTypes = await quantize({ input: made.output, output: `${output}.q4`, type: "q4_k_m" });
  console.log(smaller.bytesByType["q4_k"]);
  return made;
}
