// Makes what it is told to make, as fast as it is told to: a process that has begun long before a race does.
import { convert, quantize } from "../../dist/src/entry/convert.js";

const makers = { convert, quantize };

process.on("message", async ({ maker, options }) => {
  try {
    process.send({ done: await makers[maker](options) });
  } catch (error) {
    process.send({ code: error.code, message: error.message });
  }
});
process.send({ ready: true });
