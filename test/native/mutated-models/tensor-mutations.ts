/** Changes of tensors, of where they are in the file, and of the file's ends. */
import { tensorTypeById } from "../../../src/gguf/types.ts";
import { pick, type Random } from "../../unit/fuzz/byte-mutations.ts";
import { numberAt, type Sample, type SampleTensor, u32, type WeightedMutation } from "./sample.ts";

const ALIGNMENTS = [1, 2, 4, 8, 16, 64, 128, 4096, 2 ** 16, 2 ** 20];
const NOT_ALIGNMENTS = [0, 3, 24, 31, 33, 48, 96, 2 ** 21, 2 ** 31, 2 ** 32 - 1];
const TYPE_IDS = Array.from({ length: 48 }, (_, id) => id).filter((id) => tensorTypeById(id) !== undefined);

const someTensor = ({ tensors }: Sample, random: Random) => tensors[random(tensors.length)] as SampleTensor;

export const tensorMutations: readonly WeightedMutation[] = [
  [
    3,
    function alignment(sample, random) {
      const value = pick(random, random(4) === 0 ? NOT_ALIGNMENTS : ALIGNMENTS);
      sample.metadata.set("general.alignment", random(8) === 0 ? { type: "u64", value: BigInt(value) } : u32(value));
      // A layout that does not fit is refused at once, mostly.
      if (ALIGNMENTS.includes(value) && random(6) !== 0) sample.alignment = value;
      return `alignment ${value}, laid out by ${sample.alignment}`;
    },
  ],
  [
    5,
    function tensorType(sample, random) {
      const tensor = someTensor(sample, random);
      const type = tensorTypeById(pick(random, TYPE_IDS));
      if (type === undefined) return "nothing";
      // Of all matrices, or of one.
      const struck = random(3) === 0 ? sample.tensors.filter(({ dims }) => dims.length === 2) : [tensor];
      for (const one of struck) if ((one.dims[0] as number) % type.blockSize === 0) one.type = type;
      return `${struck.length} tensors, ${tensor.name} among them perhaps, of type ${type.name}`;
    },
  ],
  [
    4,
    function shape(sample, random) {
      const tensor = someTensor(sample, random);
      const { dims } = tensor;
      switch (random(5)) {
        case 0:
          dims.reverse();
          break;
        case 1:
          dims.push(1);
          break;
        case 2:
          dims[random(dims.length)] = pick(random, [0, 1, 2, 31, 32, 33, 64, 256, 2 ** 16, 2 ** 32, 2 ** 40]);
          break;
        case 3:
          dims.splice(
            0,
            Infinity,
            dims.reduce((a, b) => a * b, 1),
          );
          break;
        default:
          dims[random(dims.length)] = (dims[random(dims.length)] as number) * 2;
      }
      dims.splice(4);
      return `${tensor.name} as [${dims}]`;
    },
  ],
  [
    2,
    function withoutTensor({ tensors }, random) {
      const [gone] = tensors.splice(random(tensors.length), 1);
      return `no ${gone?.name}`;
    },
  ],
  [
    2,
    function withoutNorm({ tensors }, random) {
      const norms = tensors.filter(({ name }) => name.includes("norm"));
      if (norms.length === 0) return "nothing";
      const gone = pick(random, norms);
      tensors.splice(tensors.indexOf(gone), 1);
      return `no ${gone.name}`;
    },
  ],
  [
    3,
    function renamed(sample, random) {
      const tensor = someTensor(sample, random);
      const before = tensor.name;
      const other = someTensor(sample, random).name;
      tensor.name = pick(random, [
        other,
        `${before}x`,
        before.replace("weight", "bias"),
        before.replace("0", "1"),
        "x".repeat(63),
        "%s%n",
        "output.weight",
      ]);
      return `${before} called ${tensor.name}`;
    },
  ],
  [
    3,
    function addedTensor(sample, random) {
      const like = someTensor(sample, random);
      const name = pick(random, ADDED_TENSORS);
      const width = numberAt(sample, "embedding_length");
      const dims = pick(random, [
        [...like.dims],
        [width],
        [width, width],
        [width, width, 4],
        [numberAt(sample, "rope.dimension_count") / 2],
      ]);
      sample.tensors.splice(random(sample.tensors.length + 1), 0, {
        ...like,
        name,
        dims: dims.map((dim) => Math.max(1, Math.trunc(dim))),
      });
      return `${name} beside the others`;
    },
  ],
  [
    2,
    function order({ tensors }, random) {
      for (let i = tensors.length - 1; i > 0; i--) {
        const j = random(i + 1);
        [tensors[i], tensors[j]] = [tensors[j] as SampleTensor, tensors[i] as SampleTensor];
      }
      return "tensors in another order";
    },
  ],
  [
    4,
    function data(sample, random) {
      const tensor = someTensor(sample, random);
      const bytes = Buffer.from(tensor.data);
      const how = pick(random, ["noise", "NaN", "zeros", "ones", "large"]);
      if (how === "noise") for (let n = 64; n > 0; n--) bytes[random(bytes.length)] = random(256);
      else if (how === "large") for (let at = 0; at + 4 <= bytes.length; at += 4) bytes.writeFloatLE(3e38, at);
      else bytes.fill({ NaN: 0x7f, zeros: 0, ones: 0xff }[how] as number);
      tensor.data = bytes;
      return `${how} in ${tensor.name}`;
    },
  ],
  [
    1,
    function fileEnd(sample, random) {
      const length = 1 + random(4096);
      const longer = random(2) === 0;
      sample.finish.push((bytes) =>
        longer ? Buffer.concat([bytes, Buffer.alloc(length, 7)]) : bytes.subarray(0, bytes.length - length),
      );
      return `${length} bytes ${longer ? "more" : "less"}`;
    },
  ],
  [
    1,
    function version(sample, random) {
      const number = pick(random, [0, 1, 2, 4]);
      sample.finish.push((bytes) => {
        bytes.writeUInt32LE(number, 4);
        return bytes;
      });
      return `version ${number}`;
    },
  ],
];

const ADDED_TENSORS = [
  ...[
    "output.weight",
    "rope_freqs.weight",
    "cls.weight",
    "cls.output.weight",
    "token_types.weight",
    "token_embd_norm.weight",
  ],
  ...[
    "attn_q.bias",
    "attn_k.bias",
    "attn_output.bias",
    "attn_norm.bias",
    "ffn_up.bias",
    "attn_qkv.weight",
    "attn_q_norm.weight",
  ].map((name) => `blk.0.${name}`),
  ...["ffn_gate_inp.weight", "ffn_gate_exps.weight", "ffn_up_exps.weight", "attn_rot_embd", "rope_freqs.weight"].map(
    (name) => `blk.0.${name}`,
  ),
  ...["blk.99.attn_q.weight", "blk.-1.attn_q.weight", "output_norm.bias", "x"],
];
