// Renders conversations with a chat template out of a model file, in a process that can be ended: a template may count for
// ever, or fill memory. Started by src/native/template-process.ts, which also sets the limits; it reads requests from
// stdin and writes answers to stdout, each with its length (u32) in front, in V8's serialisation.
const { readSync, writeSync } = require("node:fs");
const { deserialize, serialize } = require("node:v8");
const vm = require("node:vm");
const { TemplateEngine } = require("./template-engine.cjs");

/** The engine throws and catches an error for each variable that is not defined; nobody sees where. */
Error.stackTraceLimit = 0;

const STDIN = 0;
const STDOUT = 1;
const LENGTH_BYTES = 4;

/** Ctrl-C in a terminal reaches all its processes: the parent decides what ends. */
process.on("SIGINT", () => {});

function readBytes(length) {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    let count;
    try {
      count = readSync(STDIN, bytes, done, length - done, null);
    } catch (error) {
      // Windows says so when the other end is closed.
      if (error.code !== "EOF") throw error;
      count = 0;
    }
    // The parent is gone.
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
  // The parent ends this process before; the limit here is for a parent that was killed meanwhile.
  send(script.runInThisContext({ timeout: request.limitMs }));
}
