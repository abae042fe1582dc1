/** Random checkpoints in the 34B's layout, for conversion.mjs. */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { convertFloats } from "../../dist/src/checkpoint/dtypes.js";
import { embeddedCheckpoint } from "../../dist/src/embedded-model.js";
import { below, gaussians, uniform } from "./random.mjs";

const yi = { hidden: 7168, feedForward: 20480, heads: 56, keyValueHeads: 8 };
/** Only `realLayers` hold numbers; the others are holes. */
export const checkpointShapes = {
  "two-layers": { ...yi, vocabulary: 4096, layers: 2, realLayers: [0, 1], shards: 1 },
  "34b": { ...yi, vocabulary: 64_000, layers: 60, realLayers: [0, 29, 59], shards: 15 },
};

const SEED = 34;
/** Standard deviation that Llama models are initialised with. */
const DEVIATION = 0.02;
/** Tensors are slices of one random block at random offsets: drawing all numbers would take an hour. */
const BLOCK_VALUES = 8 * 1024 * 1024;

/** Makes the checkpoint unless it exists. @returns its folder */
export async function makeCheckpoint(folder, shape) {
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  copyTokenizer(partial, shape);
  const random = uniform(SEED);
  const block = Buffer.from(
    convertFloats(new Uint8Array(gaussians(random, BLOCK_VALUES, DEVIATION).buffer), "f32", "bf16"),
  );
  const tensors = tensorShapes(shape);
  const weightMap = {};
  const perShard = Math.ceil(tensors.length / shape.shards);
  for (let shard = 0; shard < shape.shards; shard++) {
    const name = shardName(shard, shape.shards);
    const own = tensors.slice(shard * perShard, (shard + 1) * perShard);
    for (const { name: tensor } of own) weightMap[tensor] = name;
    await writeShard(join(partial, name), own, random, block);
  }
  if (shape.shards > 1)
    writeFileSync(join(partial, "model.safetensors.index.json"), JSON.stringify({ weight_map: weightMap }));
  renameSync(partial, folder);
  return folder;
}

function shardName(index, count) {
  const five = (number) => String(number).padStart(5, "0");
  return count === 1 ? "model.safetensors" : `model-${five(index + 1)}-of-${five(count)}.safetensors`;
}

/** It has fewer pieces than the vocabulary; the converter pads it. */
function copyTokenizer(folder, shape) {
  const source = embeddedCheckpoint();
  for (const name of ["tokenizer.model", "tokenizer_config.json"]) cpSync(join(source, name), join(folder, name));
  const config = JSON.parse(readFileSync(join(source, "config.json"), "utf8"));
  delete config.starling_rm;
  delete config.head_dim;
  Object.assign(config, {
    hidden_size: shape.hidden,
    intermediate_size: shape.feedForward,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.keyValueHeads,
    vocab_size: shape.vocabulary,
    max_position_embeddings: 4096,
  });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
}

function tensorShapes({ hidden, feedForward, heads, keyValueHeads, vocabulary, layers, realLayers }) {
  const keyValue = (hidden / heads) * keyValueHeads;
  const tensors = [{ name: "transformer.embed_tokens.weight", dims: [vocabulary, hidden], real: true }];
  for (let layer = 0; layer < layers; layer++) {
    const real = realLayers.includes(layer);
    const add = (name, ...dims) => tensors.push({ name: `transformer.layers.${layer}.${name}.weight`, dims, real });
    add("input_layernorm", hidden);
    add("mlp.down_proj", hidden, feedForward);
    add("mlp.gate_proj", feedForward, hidden);
    add("mlp.up_proj", feedForward, hidden);
    add("post_attention_layernorm", hidden);
    add("self_attn.k_proj", keyValue, hidden);
    add("self_attn.o_proj", hidden, hidden);
    add("self_attn.q_proj", hidden, hidden);
    add("self_attn.v_proj", keyValue, hidden);
  }
  tensors.push({ name: "transformer.norm.weight", dims: [hidden], real: true });
  tensors.push({ name: "v_head.weight", dims: [1, hidden], real: true });
  return tensors;
}

async function writeShard(path, tensors, random, block) {
  const header = {};
  let end = 0;
  for (const { name, dims } of tensors) {
    const size = 2 * dims.reduce((a, b) => a * b, 1);
    header[name] = { dtype: "BF16", shape: dims, data_offsets: [end, end + size] };
    end += size;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = await open(path, "wx");
  try {
    await file.write(Buffer.concat([length, json]));
    const data = length.length + json.length;
    await file.truncate(data + end);
    for (const { name, dims, real } of tensors) {
      const [begin, stop] = header[name].data_offsets;
      // Norms are 1 in every layer: with zeros, every hidden state would be zero.
      if (dims.length === 1) await file.write(ones(dims[0]), 0, stop - begin, data + begin);
      else if (real) await writeRandom(file, data + begin, stop - begin, random, block);
    }
  } finally {
    await file.close();
  }
}

async function writeRandom(file, position, size, random, block) {
  for (let done = 0; done < size; ) {
    const start = 2 * below(random, BLOCK_VALUES / 2);
    const take = Math.min(size - done, block.length - start);
    await file.write(block, start, take, position + done);
    done += take;
  }
}

function ones(count) {
  return Buffer.from(new Uint16Array(count).fill(0x3f80).buffer);
}
