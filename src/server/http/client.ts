/** Who asks: what the queue is fair between. */
import type { Socket } from "node:net";
import type { FastifyRequest } from "fastify";

const connections = new WeakMap<Socket, string>();
let lastConnection = 0;

/** A client is a key from an address, as far as there are keys. */
export function clientOf(request: FastifyRequest): { client: string; connection: string } {
  const { socket } = request.raw;
  let connection = connections.get(socket);
  if (connection === undefined) {
    lastConnection += 1;
    connection = String(lastConnection);
    connections.set(socket, connection);
  }
  return { client: `${keyNames.get(request.raw) ?? ""}@${request.ip}`, connection };
}

const keyNames = new WeakMap<object, string>();

/** Called by the access check: requests with different keys are different clients. */
export function nameKey(request: FastifyRequest, name: string): void {
  keyNames.set(request.raw, name);
}
