// Everything that the addon does, without errors that end a process. Run by scripts/sanitize.mjs:
// `node work-child.mjs SCENARIO < setup.json`. Prints "end" as its last line.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const scenario = process.argv[2];
const setup = JSON.parse(readFileSync(0, "utf8"));
const addon = createRequire(import.meta.url)(setup.addon);
await addon.openRuntime(setup.libraries);
const kernels = addon.prefillKernels();
const hasOwnKernels = kernels.gemm.length > 0;
const obstacle = addon.bindPrefill();
// Otherwise half of what follows would be left out unnoticed.
if (hasOwnKernels && obstacle !== undefined) throw new Error(`Our own kernels are not bound: ${obstacle}.`);

const load = (changes = {}) =>
  addon.loadModel({
    ...setup.load,
    head: { weight: Float32Array.from(setup.load.head.weight) },
    path: setup.model,
    ...changes,
  });
const sequence = (length, seed) =>
  Int32Array.from({ length }, (_, i) => 3 + ((i * 7 + seed * (i > 20 ? 13 : 0)) % 200));
const settled = (jobs) => Promise.allSettled(jobs.map(({ promise }) => promise));

/** Load options: several context workers that share prefixes, and batches of several sequences. */
const WAYS = [
  {},
  { contextWorkers: 3 },
  { maxSequences: 8 },
  { contextWorkers: 2, soloThreads: 2 },
  { pinnedMebibytes: 1, contextWorkers: 2 },
  ...(hasOwnKernels ? [ownKernels({ contextWorkers: 2, soloThreads: 2 }), ownKernels({ maxSequences: 8 })] : []),
];

/** All products with float16 weights, and attention, by our own kernels. */
function ownKernels(changes) {
  const prefillWeights = kernels.gemm.flatMap((kernel) =>
    [256, 512, 768].map((columns) => ({ type: 1, columns, kernel })),
  );
  return { ...changes, prefillWeights, prefillAttention: true, flashAttention: true, rowMultiple: 1 };
}

/** ggml_type, values of a block, and its bytes. */
const FORMATS = [
  [1, 1, 2],
  [30, 1, 2],
  [2, 32, 18],
  [8, 32, 34],
  [12, 256, 144],
  [13, 256, 176],
  [14, 256, 210],
];

const scenarios = {
  async score() {
    for (const way of WAYS) {
      const model = await load(way).promise;
      const texts = Array.from({ length: 24 }, (_, k) => sequence(10 + ((k * 31) % 90), k));
      const pinned = await model.pinPrefix(sequence(20, 0)).promise;
      const other = await model.pinPrefix(sequence(60, 5)).promise;
      await Promise.all([
        model.score(texts, () => {}).promise,
        model.scoreTokens(texts[3], 2).promise,
        ...model.scoreEach(texts).map(({ promise }) => promise),
        ...model.features(texts.slice(4)).map(({ promise }) => promise),
      ]);
      model.unpinPrefix(pinned);
      model.unpinPrefix(other);
      await model.score(texts.slice(0, 2)).promise;
      await model.close();
    }
    // Scores at the end of padding.
    const padded = await load({ paddingToken: 0, paddingPosition: 63 }).promise;
    await settled(padded.scoreEach([sequence(9, 1), sequence(30, 2), sequence(63, 3)]));
    await padded.close();
  },
  /** Memory that ends where the last value does. */
  async prefillKernels() {
    const whole = (length) => Array.from({ length }, (_, i) => i + 1);
    for (const kernel of [...kernels.gemm, ...kernels.emulated])
      for (const [type, length, bytes] of FORMATS)
        for (const columns of [256, 768])
          for (const rows of [1, 7, 16, 33, 100])
            for (const tokens of [1, 2, 3, 5, 6, 7, 16, 31, 37]) {
              const weights = new Uint8Array(rows * (columns / length) * bytes).fill(0x2e);
              const input = Float32Array.from(whole(tokens * columns), Math.sin);
              const options = { kernel, type, columns, rows, tokens, parts: 1 + (tokens % 3), repetitions: 1 };
              try {
                await addon.prefillMultiply(options, weights, input);
              } catch (error) {
                if (!/does not take such weights/.test(error.message)) throw error;
              }
            }
    for (const kernel of kernels.attention)
      for (const kvType of ["f32", "f16"])
        for (const headLength of [32, 64, 96, 160, 256])
          for (const [heads, keyValueHeads] of [
            [1, 1],
            [7, 1],
            [12, 1],
            [6, 3],
          ])
            for (const tokens of [1, 2, 7, 33])
              for (const cells of [1, 64, 77, 300]) {
                const options = { kernel, headLength, heads, keyValueHeads, tokens, cells, kvType, parts: 2 };
                const width = keyValueHeads * headLength;
                const cache = () =>
                  kvType === "f32" ? new Float32Array(cells * width) : new Uint16Array(cells * width);
                const queries = Float32Array.from(whole(tokens * heads * headLength), Math.sin);
                await addon.prefillAttention(options, queries, cache(), cache(), new Uint16Array(tokens * cells));
              }
  },
  async cancel() {
    for (const way of WAYS) {
      const model = await load(way).promise;
      for (let round = 0; round < 6; round++) {
        const jobs = model.scoreEach(Array.from({ length: 12 }, (_, k) => sequence(40 + k, k)));
        const started = new Promise((resolve) =>
          jobs.push(model.score([sequence(100, round), sequence(9, 2)], resolve)),
        );
        if (round % 2 === 0) await started;
        for (const [i, job] of jobs.entries()) if (i % 3 !== round % 3) job.cancel();
        await settled(jobs);
      }
      await model.close();
    }
    for (let i = 0; i < 6; i++) {
      const job = load({ mmap: i % 2 === 0 });
      if (i > 2) await new Promise(setImmediate);
      job.cancel();
      await job.promise.then((model) => model.close()).catch(() => {});
    }
  },
  async closeWhileBusy() {
    for (const way of WAYS) {
      const model = await load(way).promise;
      const jobs = model.scoreEach(Array.from({ length: 40 }, (_, k) => sequence(200, k)));
      await jobs[0].promise;
      const closing = model.close();
      jobs.push(model.score([sequence(5, 1)]));
      for (const job of jobs) job.cancel();
      await settled(jobs);
      await closing;
    }
  },
  async quantizeRows() {
    const targets = [1, 2, 3, 6, 7, 8, 10, 11, 12, 13, 14];
    for (const from of [0, 1, 30])
      for (const to of targets)
        for (const threads of [1, 3]) {
          const rowLength = 256;
          const bytes = from === 0 ? 4 : 2;
          const rows = new Uint8Array(rowLength * bytes * 300).map((_, i) => (i * 37) % 59);
          await addon.quantizeRows({ from, to, rowLength, threads }, rows).catch(() => {});
        }
    await addon.quantize({ input: setup.model, output: setup.output, ftype: 7, threads: 2 });
  },
  async hostileTexts() {
    const texts = [
      "",
      " ",
      "   ".repeat(500),
      "\u0000",
      "\ud800",
      "\udfff\ud800",
      "\u{10ffff}",
      "e\u0301".repeat(300),
      "\u2581".repeat(300),
      "<unk><s></s>",
      "<".repeat(1000),
      "<0x0A>",
      "\u200d\ufeff\u202e",
      "a".repeat(5000),
      "1234567890".repeat(50),
      "\r\n\t \u00a0\u3000".repeat(40),
      "'S'll'\u017f'",
      "'",
      "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}".repeat(50),
    ];
    for (const { vocabulary, modes } of vocabularies())
      for (const mode of modes) {
        const tokenizer = new addon.Tokenizer(vocabulary);
        for (const maxTokens of [1, 7, 2 ** 32 - 1])
          await tokenizer.encode(
            texts.map((text) => [text, text, "", text]),
            { mode, maxTokens, wrapped: new Uint8Array(texts.length).fill(1), prompts: texts.map((text) => [text]) },
          );
      }
  },
};

const joined = (texts) => {
  const parts = texts.map((text) => Buffer.from(text));
  const offsets = new Uint32Array(parts.length + 1);
  for (const [i, part] of parts.entries()) offsets[i + 1] = offsets[i] + part.length;
  return { bytes: new Uint8Array(Buffer.concat(parts)), offsets };
};

function vocabularies() {
  const shared = {
    addedTokens: Int32Array.of(1, 2),
    normalizedAddedTokens: Int32Array.of(2),
    before: Int32Array.of(1),
    after: Int32Array.of(2),
    padTokenId: 2,
  };
  const pieces = [
    "<unk>",
    "<s>",
    "</s>",
    "a",
    "b",
    "\u2581",
    "\u2581a",
    "ab",
    "aa",
    "aaaa",
    "aaaaaaaa",
    "<",
    "\u00e9",
    "\u2581\u2581",
    "'",
  ];
  const sentencePiece = {
    kind: "sentencepiece",
    ...joined(pieces),
    ...shared,
    scores: Float32Array.from(pieces, (_, i) => -i),
    types: Uint8Array.from(pieces, (_, i) => [2, 3, 3, 1, 1, 1, 1, 5, 5, 5, 1, 4][i] ?? 1),
    addDummyPrefix: true,
    addPrefixSpace: true,
  };
  let next = 256;
  const alphabet = Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint((byte > 32 && byte < 127) || (byte > 160 && byte < 173) || byte > 173 ? byte : next++),
  );
  const tokens = ["<unk>", "<s>", "</s>", ...alphabet, "aa", "aaaa", "\u0120a"];
  const merges = joined(["a a", "aa aa", "\u0120 a"]);
  const bytePair = (split, ignoreMerges) => ({
    kind: "byte-pair",
    ...joined(tokens),
    ...shared,
    types: Uint8Array.from(tokens, (_, i) => (i < 3 ? 3 : 1)),
    merges: merges.bytes,
    mergeOffsets: merges.offsets,
    split,
    ignoreMerges,
  });
  return [
    { vocabulary: sentencePiece, modes: ["slow", "fast-4.41", "fast-4.42"] },
    { vocabulary: bytePair("llama-bpe", true), modes: ["byte-bpe"] },
    { vocabulary: bytePair("gpt-2", false), modes: ["byte-bpe"] },
  ];
}

await scenarios[scenario]();
console.log("end");
