// Calls with wrong arguments or receivers, and threads without memory. Run by border.test.ts: `node border-child.mjs SCENARIO <
// setup.json`. Each scenario prints what became of its calls, one per line, and "end" as its last line.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { isMainThread, Worker, workerData } from "node:worker_threads";

const { scenario, setup } = isMainThread
  ? { scenario: process.argv[2], setup: JSON.parse(readFileSync(0, "utf8")) }
  : workerData;
const require = createRequire(import.meta.url);
const addon = require(setup.addon);

const options = (changes = {}) => ({
  ...setup.load,
  head: { weight: Float32Array.from(setup.load.head.weight) },
  path: setup.model,
  ...changes,
});
const sequence = (length) => Int32Array.from({ length }, (_, i) => 3 + ((i * 7) % 200));
const f16Rows = (values) => ({ from: 1, to: 8, rowLength: 32, threads: 2, input: new Uint8Array(values * 2) });
const loaded = async (changes) => {
  await addon.openRuntime(setup.libraries);
  return addon.loadModel(options(changes)).promise;
};

/** The outcome of a call: thrown, rejected or returned; also of jobs and lists of jobs. */
async function outcome(call) {
  try {
    const result = call();
    const promises = [result].flat().map((each) => each?.promise ?? each);
    await Promise.all(promises);
    return "returned";
  } catch (error) {
    return `${error?.constructor?.name}: ${error?.message}`;
  }
}
const report = async (name, call) => console.log(`${name}: ${await outcome(call)}`);

const thrower = new Proxy(
  {},
  {
    get: () => {
      throw new Error("from a getter");
    },
  },
);
const detached = (array) => {
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
};
const endless = () => Object.assign([], { length: 4294967295 });
class MyInts extends Int32Array {}

/** Values of every kind, for arguments of every kind. */
const strange = () => [
  undefined,
  null,
  true,
  -1,
  1.5,
  Number.NaN,
  Infinity,
  2 ** 53,
  10n ** 30n,
  "",
  "text",
  "\0",
  "\ud800",
  Symbol("s"),
  () => {},
  {},
  [],
  [undefined],
  [[]],
  endless(),
  thrower,
  Object.create(null),
  new Proxy([], {}),
  new Date(),
  /x/,
  new Map(),
  new ArrayBuffer(8),
  new DataView(new ArrayBuffer(8)),
  new Int32Array(0),
  new Int32Array([1, 2]),
  detached(new Int32Array(4)),
  new Int32Array(new SharedArrayBuffer(16)),
  new MyInts(3),
  new BigInt64Array(2),
  new Float32Array(3),
  detached(new Float32Array(3)),
  new Uint8Array(64),
  {
    toString() {
      throw new Error("from toString");
    },
  },
  { [Symbol.toPrimitive]: () => Symbol("p") },
  Promise.resolve(1),
];

function vocabulary() {
  const pieces = [
    "<unk>",
    "<s>",
    "</s>",
    ...Array.from({ length: 26 }, (_, i) => String.fromCharCode(97 + i)),
    "\u2581",
  ];
  const bytes = pieces.map((piece) => Buffer.from(piece));
  return {
    kind: "sentencepiece",
    bytes: new Uint8Array(Buffer.concat(bytes)),
    offsets: Uint32Array.from([
      0,
      ...bytes.map((_, i) => bytes.slice(0, i + 1).reduce((sum, piece) => sum + piece.length, 0)),
    ]),
    scores: new Float32Array(pieces.length),
    types: Uint8Array.from(pieces, (_, i) => (i === 0 ? 2 : i < 3 ? 3 : 1)),
    addedTokens: Int32Array.of(1, 2),
    normalizedAddedTokens: new Int32Array(0),
    before: Int32Array.of(1),
    after: new Int32Array(0),
    padTokenId: -1,
    addDummyPrefix: false,
    addPrefixSpace: true,
  };
}
const limits = { sequences: 4, tokens: 512, minShared: 8, multiple: 1, maxPassedOver: 8, share: true };
const encoding = { mode: "slow", maxTokens: 100 };

const sampleOf = (type) => ({ type, columns: 256, rows: 8, position: 0 });

/** Every exported function with good arguments, each of which is then replaced by strange ones. */
const calls = (model, tokenizer) => ({
  openRuntime: [addon.openRuntime, addon, [setup.libraries]],
  currentRuntime: [addon.currentRuntime, addon, []],
  checkDevices: [addon.checkDevices, addon, []],
  checkKernels: [
    addon.checkKernels,
    addon,
    [{ path: setup.model, threads: 1, repacked: true, prefill: false, samples: [sampleOf(0)] }],
  ],
  bindPrefill: [addon.bindPrefill, addon, []],
  prefillKernels: [addon.prefillKernels, addon, []],
  prefillWeightBytes: [addon.prefillWeightBytes, addon, [{ type: 8, columns: 256, rows: 8 }]],
  prefillMultiply: [
    addon.prefillMultiply,
    addon,
    [
      { kernel: "avx2", type: 8, columns: 32, rows: 2, tokens: 1, parts: 1, repetitions: 1 },
      new Uint8Array(2 * 34),
      new Float32Array(32),
    ],
  ],
  prefillAttention: [
    addon.prefillAttention,
    addon,
    [
      { kernel: "avx2", headLength: 32, heads: 2, keyValueHeads: 1, tokens: 1, cells: 2, kvType: "f32", parts: 1 },
      ...[new Float32Array(64), new Float32Array(64), new Float32Array(64), new Uint16Array(2)],
    ],
  ],
  loadModel: [addon.loadModel, addon, [options({ path: `${setup.model}.none` }), () => {}]],
  quantize: [addon.quantize, addon, [{ input: `${setup.model}.none`, output: setup.output, ftype: 7, threads: 1 }]],
  quantizeRows: [addon.quantizeRows, addon, [f16Rows(64), f16Rows(64).input]],
  planPrefixes: [addon.planPrefixes, addon, [[sequence(8), sequence(9)], limits]],
  encode: [
    tokenizer.encode,
    tokenizer,
    [[["a", "b c", ""]], { ...encoding, wrapped: Uint8Array.of(1), prompts: [["a"]] }],
  ],
  ...(model && {
    score: [model.score, model, [[sequence(8)], () => {}]],
    scoreEach: [model.scoreEach, model, [[sequence(8)]]],
    features: [model.features, model, [[sequence(8)]]],
    scoreTokens: [model.scoreTokens, model, [sequence(8), 2]],
    pinPrefix: [model.pinPrefix, model, [sequence(8)]],
    unpinPrefix: [model.unpinPrefix, model, [1]],
  }),
});

const replaced = (list, at, value) => Object.assign([...list], { [at]: value });

async function tryStrange(model, tokenizer) {
  let tried = 0;
  const attempt = async (call) => {
    await outcome(call);
    tried++;
  };
  for (const [, [method, receiver, good]] of Object.entries(calls(model, tokenizer))) {
    await attempt(() => method.call(receiver, ...good));
    for (let at = 0; at < good.length; at++) {
      for (const value of strange()) await attempt(() => method.call(receiver, ...replaced(good, at, value)));
      if (typeof good[at] !== "object" || Array.isArray(good[at]) || ArrayBuffer.isView(good[at])) continue;
      for (const field of Object.keys(good[at]))
        for (const value of strange())
          await attempt(() => method.call(receiver, ...replaced(good, at, { ...good[at], [field]: value })));
    }
    for (const value of strange()) await attempt(() => method.call(value, ...good));
  }
  for (const field of Object.keys(vocabulary()))
    for (const value of strange()) await attempt(() => new addon.Tokenizer({ ...vocabulary(), [field]: value }));
  for (const value of strange()) await attempt(() => new addon.Tokenizer(value));
  return tried;
}

const inWorker = (name) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { scenario: name, setup } });
    worker.once("error", reject);
    worker.once("exit", resolve);
  });

/** Without pipes: Node itself aborts when it cannot allocate their buffers. */
const prlimit = (limit) =>
  spawnSync("prlimit", ["--pid", String(process.pid), `--as=${limit}:unlimited`], { stdio: "ignore" });

/** From here on this process can allocate only this many more bytes of address space. Linux only. */
function limitMemory(bytes) {
  const pages = Number(readFileSync("/proc/self/statm", "utf8").split(" ")[0]);
  const { status, error } = prlimit(pages * 4096 + bytes);
  if (status !== 0) throw error ?? new Error("prlimit failed");
}
const unlimitMemory = () => prlimit("unlimited");
const MIB = 1024 * 1024;

const scenarios = {
  async beforeARuntime() {
    for (const [name, [method, receiver, good]] of Object.entries(calls(undefined, new addon.Tokenizer(vocabulary()))))
      if (name !== "openRuntime") await report(name, () => method.call(receiver, ...good));
  },
  async strangeBeforeARuntime() {
    await tryStrange(undefined, new addon.Tokenizer(vocabulary()));
  },
  async strange() {
    const model = await loaded();
    await tryStrange(model, new addon.Tokenizer(vocabulary()));
    await report("still scores", () => model.score([sequence(8)]));
    await model.close();
  },
  async foreignReceivers() {
    const model = await loaded();
    const tokenizer = new addon.Tokenizer(vocabulary());
    const receivers = { tokenizer, model, "a child of the model": Object.create(model), "a plain object": {} };
    for (const [kind, owner] of [
      ["NativeModel", model],
      ["Tokenizer", tokenizer],
    ]) {
      const prototype = Object.getPrototypeOf(owner);
      for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(prototype)))
        for (const [what, receiver] of Object.entries(receivers)) {
          const method = property.get ?? property.value;
          if (name === "constructor" || receiver === owner || typeof method !== "function") continue;
          await report(`${kind}.${name} of ${what}`, () => method.call(receiver, [sequence(3)], () => {}));
        }
    }
    const NativeModel = model.constructor;
    await report("NativeModel without anything", () => new NativeModel());
    await report("NativeModel of an object", () => new NativeModel({}));
    await report("NativeModel called", () => NativeModel());
    await report("Tokenizer called", () => addon.Tokenizer(vocabulary()));
    await report("Tokenizer of another class", () => Reflect.construct(addon.Tokenizer, [vocabulary()], class {}));
    await model.close();
  },
  async vocabulariesThatContradictThemselves() {
    const change = (name, changes) => report(name, () => new addon.Tokenizer({ ...vocabulary(), ...changes }));
    const { offsets } = vocabulary();
    const beyond = offsets.slice();
    beyond.fill(1000, 2, 6);
    await change("offsets beyond the bytes", { offsets: beyond });
    await change("descending offsets", { offsets: offsets.slice().reverse() });
    await change("an added token beyond all", { addedTokens: Int32Array.of(2 ** 31 - 1) });
  },
  async arraysOfHugeLengths() {
    await addon.openRuntime(setup.libraries);
    for (const rowLength of [2 ** 24, 2 ** 31, 2 ** 53]) {
      await report(rowLength, () => addon.quantizeRows({ ...f16Rows(0), rowLength }, new Uint8Array(1 << 20)));
    }
    const tokenizer = new addon.Tokenizer(vocabulary());
    await report("texts", () => tokenizer.encode(endless(), encoding));
    await report("parts", () => tokenizer.encode([endless()], encoding));
    await report("sequences", () => addon.planPrefixes(endless(), limits));
    await report("devices", () => addon.loadModel(options({ devices: endless() })));
  },
  async kernelsOfEveryType() {
    await addon.openRuntime(setup.libraries);
    const check = (type, changes) =>
      report(`${type} ${JSON.stringify(changes)}`, () =>
        addon.checkKernels({
          path: setup.model,
          threads: 1,
          repacked: true,
          prefill: false,
          samples: [{ ...sampleOf(type), ...changes }],
          attention: [],
        }),
      );
    for (let type = 0; type < 50; type++) await check(type, {});
    for (const changes of [{ rows: 2 ** 31 }, { columns: 2 ** 20 }, { position: 2 ** 53 }]) await check(8, changes);
  },
  async attentionOfEveryShape() {
    await addon.openRuntime(setup.libraries);
    const right = { type: 1, headLength: 32, heads: 4, keyValueHeads: 2 };
    const wrong = [0, -1, 1.5, 2 ** 31, 2 ** 53, "4", undefined];
    const changes = Object.keys(right).flatMap((name) => wrong.map((value) => ({ [name]: value })));
    for (const change of [{}, { type: 8 }, { keyValueHeads: 3 }, ...changes])
      await report(
        JSON.stringify(change, (_, value) => (value === undefined ? "undefined" : value)),
        () =>
          addon.checkKernels({
            path: setup.model,
            threads: 1,
            repacked: true,
            prefill: false,
            samples: [],
            attention: [{ ...right, ...change }],
          }),
      );
  },
  async paddingWithoutAPosition() {
    await report("load", () => loaded({ paddingToken: 0, paddingPosition: -1 }));
  },
  async severalThreads() {
    await Promise.all(["strangeBeforeARuntime", "strange", "strange"].map(inWorker));
  },
  async loadedTwice() {
    const model = await loaded();
    delete require.cache[require.resolve(setup.addon)];
    const second = require(setup.addon);
    const { score } = Object.getPrototypeOf(await second.loadModel(options()).promise);
    await report("a model of the other one", () => score.call(model, [sequence(3)]));
    await report("its own", () => model.score([sequence(3)]));
  },
  async atExit() {
    const model = await loaded();
    const tokenizer = new addon.Tokenizer(vocabulary());
    process.on("exit", () => {
      for (const [method, receiver, good] of Object.values(calls(model, tokenizer)))
        void outcome(() => method.call(receiver, ...good));
      model.close();
    });
  },
  /** A job that is cancelled by a setter before the call that creates it returns. */
  async cancelledByASetter() {
    const model = await loaded();
    let cancelled = 0;
    Object.defineProperty(Array.prototype, "0", {
      configurable: true,
      set(job) {
        job.promise.catch(() => cancelled++);
        job.cancel();
      },
    });
    model.scoreEach([sequence(8)]);
    delete Array.prototype[0];
    await report("next", () => model.score([sequence(8)]));
    console.log(`cancelled: ${cancelled}`);
  },

  /** The context of a long sequence does not fit into the memory that is left; one for a short sequence does. */
  async noMemoryForAContext() {
    const model = await loaded({ contextTokens: 1 << 18, kvType: "f32" });
    await report("short", () => model.score([sequence(8)]));
    limitMemory(40 * MIB);
    await report("long", () => model.score([new Int32Array(1 << 17).fill(5)]));
    unlimitMemory();
    await report("short again", () => model.score([sequence(8)]));
    await model.close();
  },
  /** The first worker has its context; there is no memory for those of the others. */
  async noMemoryForOtherWorkers() {
    const model = await loaded({ contextWorkers: 4, workerThreads: 1, soloThreads: 1 });
    const texts = Array.from({ length: 12 }, (_, k) => sequence(20).map((id) => 3 + ((id + k) % 200)));
    limitMemory(MIB);
    // Printed afterwards: printing allocates too.
    const all = await outcome(() => model.score(texts));
    const each = await outcome(() => model.scoreEach(texts));
    unlimitMemory();
    console.log(`all: ${all}\neach: ${each}`);
    await model.close();
  },
  /** A thread takes eight MiB of stack. */
  async noMemoryForThreads() {
    await addon.openRuntime(setup.libraries);
    limitMemory(100 * MIB);
    const model = await addon.loadModel(options({ soloThreads: 200 })).promise;
    unlimitMemory();
    await report("close", () => model.close());
  },
  async noMemoryForArguments() {
    const model = await loaded({ contextTokens: 1 << 27 });
    const rows = new Uint8Array(128 * MIB);
    const ids = new Int32Array(32 * MIB).fill(5);
    const tokenizer = new addon.Tokenizer(vocabulary());
    const text = "a b".repeat(20 * MIB);
    limitMemory(60 * MIB);
    await report("rows", () => addon.quantizeRows(f16Rows(32), rows));
    await report("ids", () => model.score([ids]));
    await report("each", () => model.scoreEach([sequence(4), ids]));
    await report("plan", () => addon.planPrefixes([ids], limits));
    await report("text", () => tokenizer.encode([[text]], encoding));
    unlimitMemory();
    await report("afterwards", () => model.score([sequence(8)]));
    await model.close();
  },
};

await scenarios[scenario]();
console.log("end");
