/** What is scored next: fairness, beginnings in common, limits, cancelling; with a clock and a scoring process that are made up. */
import { describe, expect, it } from "vitest";
import { type QueueEntry, WorkQueue } from "../../../../src/server/queue/work-queue.ts";
import { randomOf } from "../../../random.ts";

const LIMITS = { maxItems: 65_536, maxTokens: 2 ** 25 };

/** About 27 tokens. */
const response = (name: string) => `${name} ${"is an answer of some words ".repeat(4)}`.slice(0, 100);
const item = (prompt: string, name: string) => ({ item: { prompt, response: response(name) }, payload: name });
const longPrompt = (name: string) => `${name}: ${"a prompt that is much longer than its answers ".repeat(40)}`;

/** Scores what is taken, one item after another, at a constant rate. */
class Machine {
  now = 0;
  readonly done: string[] = [];
  readonly #queue: WorkQueue<string>;
  readonly #running: QueueEntry<string>[] = [];
  readonly #tokensPerSecond: number;

  constructor(queue: WorkQueue<string>, tokensPerSecond: number) {
    this.#queue = queue;
    this.#tokensPerSecond = tokensPerSecond;
  }

  get running(): readonly QueueEntry<string>[] {
    return this.#running;
  }

  fill(): void {
    for (;;) {
      const taken = this.#queue.take(this.now);
      if (taken.length === 0) return;
      this.#running.push(...taken);
    }
  }

  /** @returns whether there was something to score */
  step(): boolean {
    this.fill();
    const entry = this.#running.shift();
    if (entry === undefined) return false;
    this.now += (entry.tokens / this.#tokensPerSecond) * 1000;
    this.#queue.finish(entry, this.now, true, entry.tokens);
    this.done.push(entry.payload);
    return true;
  }

  run(): void {
    while (this.step()) {}
  }
}

function crowd(queue: WorkQueue<string>, count: number): void {
  const items = Array.from({ length: count }, (_, i) => item(`${i} question`, `a${i}`));
  queue.add({ client: "crowd", connection: "1", items });
}

describe("between clients", () => {
  it("a newcomer is served within about a second, whatever another client has waiting", () => {
    const queue = new WorkQueue<string>(LIMITS);
    const machine = new Machine(queue, 1000);
    crowd(queue, 10_000);
    for (let i = 0; i < 500; i++) machine.step();
    const came = machine.now;
    queue.add({ client: "newcomer", connection: "2", items: [item("Hello?", "new")] });
    while (!machine.done.includes("new")) machine.step();
    expect(machine.now - came).toBeLessThan(1000);
  });

  it("two clients with long lists take turns, whoever came first and however many connections each has", () => {
    const queue = new WorkQueue<string>(LIMITS);
    const machine = new Machine(queue, 1000);
    crowd(queue, 5_000);
    for (let i = 0; i < 1000; i++) machine.step();
    for (let c = 0; c < 32; c++) {
      const items = Array.from({ length: 50 }, (_, i) => item(`${c} ${i} other question`, `b${c}.${i}`));
      queue.add({ client: "other", connection: `o${c}`, items });
    }
    const before = machine.done.length;
    for (let i = 0; i < 1000; i++) machine.step();
    const served = machine.done.slice(before);
    const others = served.filter((name) => name.startsWith("b")).length;
    expect(others).toBeGreaterThan(400);
    expect(others).toBeLessThan(600);
  });

  it("a client that was idle does not catch up", () => {
    const queue = new WorkQueue<string>(LIMITS);
    const machine = new Machine(queue, 1000);
    queue.add({ client: "late", connection: "2", items: [item("First?", "b")] });
    machine.run();
    crowd(queue, 3000);
    for (let i = 0; i < 2000; i++) machine.step();
    const items = Array.from({ length: 1000 }, (_, i) => item(`${i} late`, `b${i}`));
    queue.add({ client: "late", connection: "2", items });
    const before = machine.done.length;
    for (let i = 0; i < 400; i++) machine.step();
    const late = machine.done.slice(before).filter((name) => name.startsWith("b")).length;
    expect(late).toBeLessThan(230);
  });

  it("one that asks again and again gets no more than one that waits", () => {
    const queue = new WorkQueue<string>(LIMITS);
    const machine = new Machine(queue, 1000);
    crowd(queue, 3000);
    let asked = 0;
    const ask = () => {
      asked += 1;
      queue.add({ client: "eager", connection: `e${asked}`, items: [item(`${asked} eager`, `e${asked}`)] });
    };
    for (let i = 0; i < 40; i++) ask();
    for (let i = 0; i < 1000; i++) {
      const before = machine.done.length;
      machine.step();
      if (machine.done[before]?.startsWith("e")) ask();
    }
    const eager = machine.done.filter((name) => name.startsWith("e")).length;
    expect(eager).toBeGreaterThan(350);
    expect(eager).toBeLessThan(600);
  });

  it("connections of one client take turns", () => {
    const queue = new WorkQueue<string>(LIMITS);
    const machine = new Machine(queue, 1000);
    crowd(queue, 2000);
    for (let i = 0; i < 100; i++) machine.step();
    queue.add({ client: "crowd", connection: "2", items: [item("Short?", "short")] });
    const came = machine.now;
    while (!machine.done.includes("short")) machine.step();
    expect(machine.now - came).toBeLessThan(1500);
  });
});

describe("beginnings in common", () => {
  it("are dispatched together, over connections and clients", () => {
    const queue = new WorkQueue<string>(LIMITS);
    for (let i = 0; i < 8; i++) {
      for (const name of ["p", "q", "r"]) {
        queue.add({ client: `c${i % 2}`, connection: `${name}${i}`, items: [item(longPrompt(name), `${name}${i}`)] });
      }
    }
    const machine = new Machine(queue, 2000);
    machine.run();
    const order = machine.done.map((name) => name[0]).join("");
    // Each prompt is begun once.
    expect(order.match(/p+|q+|r+/g)).toHaveLength(3);
    expect(machine.done).toHaveLength(24);
  });

  it("counts them once: neighbours cost what they have beyond", () => {
    const queue = new WorkQueue<string>(LIMITS);
    const items = Array.from({ length: 16 }, (_, i) => item(longPrompt("p"), `p${i}`));
    queue.add({ client: "a", connection: "1", items });
    const taken = queue.take(0);
    // 16 prompts of 500 tokens would never fit.
    expect(taken.length).toBe(16);
    expect(queue.window.tokens).toBeLessThan(1500);
  });

  it("are found in conversations, texts and prompts alike", () => {
    const queue = new WorkQueue<string>(LIMITS);
    const prompt = longPrompt("p");
    queue.add({ client: "a", connection: "1", items: [{ item: { prompt, response: "A" }, payload: "prompt" }] });
    queue.add({ client: "a", connection: "2", items: [{ item: { text: "Something else" }, payload: "text" }] });
    const messages = [
      { role: "user" as const, content: prompt },
      { role: "assistant" as const, content: "A" },
      { role: "user" as const, content: "And?" },
      { role: "assistant" as const, content: "B" },
    ];
    queue.add({ client: "b", connection: "3", items: [{ item: { messages }, payload: "messages" }] });
    expect(queue.take(0).map(({ payload }) => payload)).toEqual(["prompt", "messages"]);
  });

  it("of one client do not keep another waiting", () => {
    const queue = new WorkQueue<string>(LIMITS);
    const machine = new Machine(queue, 500);
    const items = Array.from({ length: 2000 }, (_, i) => item(longPrompt("p"), `p${i}`));
    queue.add({ client: "a", connection: "1", items });
    for (let i = 0; i < 100; i++) machine.step();
    queue.add({ client: "b", connection: "2", items: [item("Something else?", "b")] });
    const before = machine.done.length;
    while (!machine.done.includes("b")) machine.step();
    expect(machine.done.length - before).toBeLessThan(60);
  });

  it("gives each of the sequences that are evaluated at the same time a beginning of its own", () => {
    const queue = new WorkQueue<string>(LIMITS);
    queue.window.limits = { lanes: 2, minItems: 2, minTokens: 0 };
    const machine = new Machine(queue, 200);
    for (const name of ["p", "q", "r"])
      for (let i = 0; i < 12; i++)
        queue.add({ client: "a", connection: `${name}${i}`, items: [item(longPrompt(name), `${name}${i}`)] });
    const beginnings = () => new Set(machine.running.map(({ payload }) => payload[0])).size;
    machine.fill();
    expect(beginnings()).toBeGreaterThan(1);
    while (queue.waiting.items > 12) {
      machine.step();
      machine.fill();
      expect(beginnings()).toBeGreaterThan(1);
    }
    machine.run();
    expect(machine.done).toHaveLength(36);
  });

  it("gives them the same where there is no other", () => {
    const queue = new WorkQueue<string>(LIMITS);
    queue.window.limits = { lanes: 2, minItems: 2, minTokens: 0 };
    for (let i = 0; i < 12; i++)
      queue.add({ client: "a", connection: `${i}`, items: [item(longPrompt("p"), `p${i}`)] });
    const machine = new Machine(queue, 200);
    machine.fill();
    expect(queue.window.items).toBeGreaterThan(3);
    machine.run();
    expect(machine.done).toHaveLength(12);
  });

  it("stays with a prompt while its client has no other in turn, where little fits at a time", () => {
    const queue = new WorkQueue<string>(LIMITS);
    // 30 tokens a second: one item in flight is more than half a second of work.
    const machine = new Machine(queue, 30);
    for (let i = 0; i < 12; i++) {
      for (const name of ["p", "q"])
        queue.add({ client: "a", connection: `${name}${i}`, items: [item(longPrompt(name), `${name}${i}`)] });
    }
    machine.run();
    const changes = machine.done.filter((name, i) => i > 0 && name[0] !== machine.done[i - 1]?.[0]).length;
    expect(changes).toBeLessThan(3);
  });
});

describe("limits", () => {
  it("refuse only what comes to a queue that is full: a long list is taken whole", () => {
    const queue = new WorkQueue<string>({ maxItems: 10, maxTokens: 2 ** 25 });
    expect(queue.isFull).toBe(false);
    crowd(queue, 100);
    expect(queue.isFull).toBe(true);
    expect(queue.waiting.items).toBe(100);
    new Machine(queue, 1000).run();
    expect({ full: queue.isFull, ...queue.waiting }).toEqual({ full: false, items: 0, tokens: 0 });
  });

  it("count tokens, too", () => {
    const queue = new WorkQueue<string>({ maxItems: 1000, maxTokens: 500 });
    crowd(queue, 5);
    expect(queue.isFull).toBe(false);
    crowd(queue, 20);
    expect(queue.isFull).toBe(true);
  });
});

describe("what is in flight", () => {
  it("is about half a second of work, by the measured rate", () => {
    for (const rate of [2000, 100_000]) {
      const queue = new WorkQueue<string>(LIMITS);
      const machine = new Machine(queue, rate);
      crowd(queue, 20_000);
      for (let i = 0; i < 8000; i++) machine.step();
      machine.fill();
      expect(queue.window.rate).toBeGreaterThan(rate * 0.8);
      expect(queue.window.rate).toBeLessThan(rate * 1.2);
      expect(queue.window.tokens / rate).toBeGreaterThan(0.35);
      expect(queue.window.tokens / rate).toBeLessThan(0.65);
    }
  });

  it("is at least what keeps the process busy", () => {
    const queue = new WorkQueue<string>(LIMITS);
    queue.window.limits = { lanes: 3, minItems: 2, minTokens: 0 };
    const machine = new Machine(queue, 5);
    crowd(queue, 100);
    for (let i = 0; i < 90; i++) machine.step();
    machine.fill();
    expect(queue.window.items).toBe(6);
  });
});

describe("cancelling", () => {
  it("takes back what waits, and leaves what is in flight to its caller", () => {
    const queue = new WorkQueue<string>(LIMITS);
    const entries = queue.add({
      client: "a",
      connection: "1",
      items: Array.from({ length: 200 }, (_, i) => item(`${i} question`, `a${i}`)),
    });
    const taken = queue.take(0);
    queue.cancel(entries);
    expect(queue.waiting).toEqual({ items: 0, tokens: 0 });
    expect(queue.window.items).toBe(taken.length);
    for (const entry of taken) queue.finish(entry, 1, false);
    expect({ items: queue.window.items, tokens: queue.window.tokens }).toEqual({ items: 0, tokens: 0 });
    expect(queue.take(2)).toEqual([]);
  });
});

describe("whatever comes", () => {
  it("no item is lost, scored twice or starved", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const below = randomOf(seed);
      const queue = new WorkQueue<string>(LIMITS);
      const machine = new Machine(queue, [20, 500, 20_000][below(3)] as number);
      const waiting = new Map<string, { entry: QueueEntry<string>; since: number }>();
      const cancelled = new Set<string>();
      let number = 0;
      let longest = 0;
      for (let round = 0; round < 300; round++) {
        for (let request = below(3); request > 0; request--) {
          const items = Array.from({ length: 1 + below(below(10) === 0 ? 60 : 4) }, () => {
            number += 1;
            const prompt = below(2) === 0 ? longPrompt(`shared ${below(4)}`) : `own ${number}`;
            return item(prompt, `n${number}`);
          });
          const added = queue.add({ client: `c${below(3)}`, connection: `k${below(6)}`, items });
          for (const entry of added) waiting.set(entry.payload, { entry, since: machine.done.length });
        }
        if (below(10) === 0) {
          const gone = [...waiting.values()].map(({ entry }) => entry).filter(() => below(4) === 0);
          for (const { payload } of queue.cancel(gone)) {
            cancelled.add(payload);
            waiting.delete(payload);
          }
        }
        for (let step = below(8); step > 0; step--) {
          const before = machine.done.length;
          machine.step();
          const name = machine.done[before];
          if (name === undefined) continue;
          longest = Math.max(longest, before - (waiting.get(name)?.since ?? 0));
          waiting.delete(name);
        }
      }
      machine.run();
      expect(new Set(machine.done).size).toBe(machine.done.length);
      expect(machine.done.length + cancelled.size).toBe(number);
      expect(machine.done.some((name) => cancelled.has(name))).toBe(false);
      expect(queue.waiting).toEqual({ items: 0, tokens: 0 });
      expect(queue.window.items).toBe(0);
      // Nobody waits for much more than all that came in between.
      expect(longest).toBeLessThan(number);
    }
  });
});
