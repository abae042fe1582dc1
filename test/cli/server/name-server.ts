/** A name server for one name with any number of addresses, as a headless service of Kubernetes has. */
import { createSocket } from "node:dgram";
import { once } from "node:events";

const HEADER_BYTES = 12;
const TYPE_A = 1;
/** Recursion is there, and the answer has no error: RFC 1035, 4.1.1. */
const ANSWERED = 0x8180;

export interface NameServer {
  readonly port: number;
  addresses: readonly string[];
  close(): void;
}

export async function nameServer(addresses: readonly string[]): Promise<NameServer> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const server = { port: socket.address().port, addresses, close: () => socket.close() };
  socket.on("message", (query, { port, address }) => socket.send(answerTo(query, server.addresses), port, address));
  return server;
}

function answerTo(query: Buffer, addresses: readonly string[]): Buffer {
  // Labels until an empty one, then type and class.
  let end = HEADER_BYTES;
  while (query[end] !== 0) end += (query[end] as number) + 1;
  end += 5;
  const found = query.readUInt16BE(end - 4) === TYPE_A ? addresses : [];
  const header = Buffer.from(query.subarray(0, HEADER_BYTES));
  for (const [i, value] of [ANSWERED, 1, found.length, 0, 0].entries()) header.writeUInt16BE(value, 2 + 2 * i);
  const records = found.map((address) => {
    // The name of the question; type A, class IN, for a second, four bytes.
    const fixed = [0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 1, 0, 4];
    return Buffer.from([...fixed, ...address.split(".").map(Number)]);
  });
  return Buffer.concat([header, query.subarray(HEADER_BYTES, end), ...records]);
}
