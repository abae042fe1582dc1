/** Who asks: what the queue is fair between. */
import type { Socket } from "node:net";
import type { FastifyRequest } from "fastify";
import type { AccessControl } from "../access/access.ts";

const connections = new WeakMap<Socket, string>();
let lastConnection = 0;

/** A client is an address, and where keys are checked, the key that let it in: nobody can make up another one. */
export function clientOf(request: FastifyRequest, access: AccessControl): { client: string; connection: string } {
  const { socket } = request.raw;
  let connection = connections.get(socket);
  if (connection === undefined) {
    lastConnection += 1;
    connection = String(lastConnection);
    connections.set(socket, connection);
  }
  return { client: `${request.ip} ${access.keyOf(request) ?? ""}`, connection };
}
