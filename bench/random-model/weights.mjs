/** Writes the GGUF of a random model. */
import { TemporaryFile } from "../../dist/src/files/temporary-file.js";
import { serializeHeader } from "../../dist/src/gguf/serialize.js";
import { tensorTypeByName } from "../../dist/src/gguf/types.js";
import { GgufWriter } from "../../dist/src/gguf/writer.js";
import { DEVIATION, modelMetadata } from "./metadata.mjs";
import { below, gaussians, uniform } from "./random.mjs";
import { shapes, tensorShapes } from "./shapes.mjs";

const SEED = 20_240_318;
/** Weights are slices of one random block at random offsets: drawing 1.1e9 numbers would take minutes. */
const BLOCK_VALUES = 4 * 1024 * 1024;

/**
 * @param {object} model
 * @param {string} model.shape
 * @param {string} model.fileType
 * @param {string} model.output
 * @param {(name: string, row: number) => string} model.typeOf weight type of a matrix
 * @param {(type: string, floats: Uint8Array) => Uint8Array | Promise<Uint8Array>} model.encode encodes float32 values in a weight type
 */
export async function writeModel({ shape, fileType, output, typeOf, encode }) {
  const random = uniform(SEED);
  const tensors = tensorShapes(shapes[shape]);
  const plans = tensors.map(([tensor, row, rows]) => ({
    name: tensor,
    type: tensorTypeByName(rows === 1 ? "f32" : typeOf(tensor, row)),
    dims: rows === 1 ? [row] : [row, rows],
  }));
  const file = await TemporaryFile.create(output);
  try {
    const header = serializeHeader(modelMetadata(shapes[shape], shape, fileType, random), plans);
    const writer = await GgufWriter.create(file, header);
    const floats = asBytes(gaussians(random, BLOCK_VALUES, DEVIATION));
    const blocks = new Map();
    for (const { name, type, dims } of plans) {
      const [row, rows] = dims;
      if (rows !== undefined && !blocks.has(type.name)) blocks.set(type.name, await encode(type.name, floats));
      const pieces =
        rows === undefined
          ? [asBytes(new Float32Array(row).fill(1))]
          : slices(random, blocks.get(type.name), type, row * rows);
      let offset = 0;
      for (const bytes of pieces) {
        await writer.write(name, offset, bytes);
        offset += bytes.length;
      }
    }
    await writer.finish();
    await file.publish(true);
  } finally {
    await file.discard();
  }
}

/** Slices of the block with `count` values in all, aligned to the type's blocks. */
function* slices(random, block, { blockSize, blockBytes }, count) {
  const blocks = BLOCK_VALUES / blockSize;
  for (let left = count / blockSize; left > 0; ) {
    const start = below(random, blocks / 2);
    const take = Math.min(left, blocks - start);
    yield block.subarray(blockBytes * start, blockBytes * (start + take));
    left -= take;
  }
}

function asBytes(values) {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
