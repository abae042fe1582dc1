/** Who asks: what the queue is fair between. */
import type { Socket } from "node:net";
import type { FastifyRequest } from "fastify";

const connections = new WeakMap<Socket, string>();
let lastConnection = 0;

/**
 * A client is an address, and where keys are checked, the key: there nobody can make up another one.
 *
 * @param hasKeys whether the request has passed the check of its key
 */
export function clientOf(request: FastifyRequest, hasKeys: boolean): { client: string; connection: string } {
  const { socket, headers } = request.raw;
  let connection = connections.get(socket);
  if (connection === undefined) {
    lastConnection += 1;
    connection = String(lastConnection);
    connections.set(socket, connection);
  }
  const key = hasKeys ? (headers.authorization ?? headers["x-api-key"] ?? "") : "";
  return { client: `${request.ip} ${key}`, connection };
}
