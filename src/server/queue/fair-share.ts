/**
 * Whose turn it is: that of the client with the fewest tokens served, and of its connections that with the fewest. A newcomer
 * starts where the others are, so it neither waits for what they had before nor has to catch up. Pure.
 */

export interface Waiting {
  readonly client: string;
  readonly connection: string;
  /** In the order of arrival. */
  readonly number: number;
}

interface Connection<E> {
  readonly name: string;
  served: number;
  /** The first may be gone already. */
  readonly entries: E[];
  /** Of `entries`, the first that counts. */
  head: number;
  waiting: number;
}

interface Client<E> {
  readonly name: string;
  served: number;
  waiting: number;
  readonly connections: Map<string, Connection<E>>;
  /** What the connection had that was chosen last: where its new ones start. */
  start: number;
}

/** Idle clients that had more than the others are remembered, but not for ever. */
const MAX_IDLE_CLIENTS = 1000;

export class FairShare<E extends Waiting> {
  readonly #clients = new Map<string, Client<E>>();
  readonly #waiting = new Set<E>();
  /** What the client had that was chosen last. */
  #start = 0;

  add(entry: E): void {
    let client = this.#clients.get(entry.client);
    if (client === undefined) {
      if (this.#clients.size > MAX_IDLE_CLIENTS) this.#forgetIdle();
      client = { name: entry.client, served: this.#start, waiting: 0, connections: new Map(), start: 0 };
      this.#clients.set(entry.client, client);
    }
    if (client.waiting === 0) client.served = Math.max(client.served, this.#start);
    let connection = client.connections.get(entry.connection);
    if (connection === undefined) {
      connection = { name: entry.connection, served: client.start, entries: [], head: 0, waiting: 0 };
      client.connections.set(entry.connection, connection);
    }
    connection.entries.push(entry);
    connection.waiting += 1;
    client.waiting += 1;
    this.#waiting.add(entry);
  }

  /** The client whose turn it is. */
  nextClient(): string | undefined {
    let next: Client<E> | undefined;
    for (const client of this.#clients.values()) {
      if (client.waiting > 0 && (next === undefined || client.served < next.served)) next = client;
    }
    return next?.name;
  }

  /** Of this client, what is next in turn. */
  nextOf(name: string): E | undefined {
    const client = this.#clients.get(name);
    let next: Connection<E> | undefined;
    for (const connection of client?.connections.values() ?? []) {
      if (next === undefined || connection.served < next.served) next = connection;
    }
    return next === undefined ? undefined : this.#firstOf(next);
  }

  /** What waits is chosen in its turn: newcomers start where it is. */
  choose(entry: E): void {
    const client = this.#clients.get(entry.client);
    const connection = client?.connections.get(entry.connection);
    if (client === undefined || connection === undefined) return;
    this.#start = Math.max(this.#start, client.served);
    client.start = Math.max(client.start, connection.served);
  }

  /** It waits no longer. @param cost tokens that it is served; 0 for what is cancelled */
  remove(entry: E, cost: number): void {
    if (!this.#waiting.delete(entry)) return;
    const client = this.#clients.get(entry.client) as Client<E>;
    const connection = client.connections.get(entry.connection) as Connection<E>;
    client.served += cost;
    connection.served += cost;
    client.waiting -= 1;
    connection.waiting -= 1;
    if (connection.waiting === 0) client.connections.delete(connection.name);
    else this.#firstOf(connection);
  }

  #firstOf(connection: Connection<E>): E | undefined {
    const { entries } = connection;
    while (connection.head < entries.length && !this.#waiting.has(entries[connection.head] as E)) connection.head += 1;
    const first = entries[connection.head];
    // What is gone is let go.
    if (connection.head > 1024 && connection.head * 2 > entries.length) {
      entries.splice(0, connection.head);
      connection.head = 0;
    }
    return first;
  }

  #forgetIdle(): void {
    for (const [name, client] of this.#clients) if (client.waiting === 0) this.#clients.delete(name);
  }
}
