// Renders conversations with the chat template of a model file, in a process that can be killed: a template may loop forever
// or fill memory. Started by src/native/template-process.ts, which also sets the limits. Reads requests from stdin and writes
// answers to stdout, each in V8's serialisation after its length (u32).
const { readSync, writeSync } = require("node:fs");
const { deserialize, serialize } = require("node:v8");
const vm = require("node:vm");
const { TemplateEngine } = require("./template-engine.cjs");

/** The engine throws and catches an error for each undefined variable; stack traces would only cost time. */
Error.stackTraceLimit = 0;

const STDIN = 0;
const STDOUT = 1;
const LENGTH_BYTES = 4;

/** Ctrl-C in a terminal reaches all its processes. The parent decides what ends. */
process.on("SIGINT", () => {});

function readBytes(length) {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    let count;
    try {
      count = readSync(STDIN, bytes, done, length - done, null);
    } catch (error) {
      // Windows reports a closed pipe this way.
      if (error.code !== "EOF") throw error;
      count = 0;
    }
    // The parent has ended.
    if (count === 0) process.exit();
    done += count;
  }
  return bytes;
}

const receive = () => deserialize(readBytes(readBytes(LENGTH_BYTES).readUInt32LE(0)));

function send(message) {
  const body = serialize(message);
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + body.length);
  frame.writeUInt32LE(body.length, 0);
  body.copy(frame, LENGTH_BYTES);
  for (let done = 0; done < frame.length; ) done += writeSync(STDOUT, frame, done);
}

const engine = new TemplateEngine(receive());
send({ ready: true });

let request;
globalThis.renderBatch = () => engine.render(request.conversations);
const script = new vm.Script("renderBatch()");
for (;;) {
  request = receive();
  // The parent kills this process earlier. This limit is for the case that the parent itself was killed.
  send(script.runInThisContext({ timeout: request.limitMs }));
}
