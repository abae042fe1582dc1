/** A discrete-event simulation of workers that share partitions. Pure: the same seed gives the same times. */
import { gaussians, uniform } from "./random-model/random.mjs";

/** Fewest tokens of a row: a template and a word. */
const MIN_ROW_TOKENS = 10;
/** A partition's seed is not a neighbour of a worker's. */
const SEED_STEP = 7919;

/**
 * Speeds of workers in tokens per second: log-normal around the rate, and some of them stragglers.
 *
 * @param {{ workers: number, rate: number, spread: number, stragglers: number, slowdown: number }} fleet
 *   spread: standard deviation of the logarithm; stragglers: how many run at rate / slowdown
 */
export function drawSpeeds({ workers, rate, spread, stragglers, slowdown }, seed) {
  const noise = gaussians(uniform(seed), workers, spread);
  return Array.from(noise, (deviation, i) => (rate * Math.exp(deviation)) / (i < stragglers ? slowdown : 1));
}

/**
 * Tokens of the partitions of a data set: rows are log-normal, cut off at the model's limit, and rows of one neighbourhood are alike
 * (a topic, a source), so that partitions of equally many rows differ.
 *
 * @param {{ blocks: number, rowsPerBlock: number, median: number, rowSpread: number, blockSpread: number, limit: number }} data
 *   blocks of rows, the finest cut
 */
export function drawBlocks({ blocks, rowsPerBlock, median, rowSpread, blockSpread, limit }, seed) {
  const random = uniform(seed * SEED_STEP + 1);
  const topics = gaussians(random, blocks, blockSpread);
  return Array.from(topics, (topic) => {
    const rows = gaussians(random, rowsPerBlock, rowSpread);
    return rows.reduce(
      (sum, row) => sum + Math.min(limit, Math.max(MIN_ROW_TOKENS, median * Math.exp(topic + row))),
      0,
    );
  });
}

/** Neighbouring blocks as so many partitions of equally many blocks. */
export function cut(blocks, parts) {
  return Array.from({ length: parts }, (_, i) => {
    const [first, end] = [i, i + 1].map((part) => Math.floor((part * blocks.length) / parts));
    return blocks.slice(first, end).reduce((sum, tokens) => sum + tokens, 0);
  });
}

/**
 * Runs the partitions.
 *
 * @param {readonly number[]} partitions tokens of each
 * @param {readonly number[]} speeds tokens per second of each worker
 * @param {{ policy: "static" | "stealing", overhead: number, meanTimeToFailure: number, restart: number }} rules
 *   static: worker i has every n-th partition, as `--shard i/n`; stealing: a free worker takes the next one, as on Ray. Seconds:
 *   overhead for each partition, mean time between a worker's failures (Infinity for none), and until it is back. A partition in
 *   progress is lost with its worker, and computed again.
 * @returns {{ makespan: number, lost: number, failures: number }} in seconds; lost: computed in vain, by all workers together
 */
export function simulate(partitions, speeds, { policy, overhead, meanTimeToFailure, restart }, seed) {
  const random = uniform(seed);
  const untilFailure = () => (meanTimeToFailure === Infinity ? Infinity : -Math.log(1 - random()) * meanTimeToFailure);
  const workers = speeds.map((speed) => ({ speed, fails: untilFailure(), queue: [], isIdle: false }));
  const shared = new Queue();
  for (const worker of workers) worker.queue = policy === "static" ? new Queue() : shared;
  for (const [i, tokens] of partitions.entries()) workers[i % workers.length].queue.add(tokens);
  let [makespan, lost, failures] = [0, 0, 0];
  const events = new Events();
  for (const worker of workers) events.add(0, { worker });
  for (let event = events.next(); event !== undefined; event = events.next()) {
    const { time, worker, failed } = event;
    if (failed !== undefined) {
      worker.queue.giveBack(failed);
      events.add(time + restart, { worker });
      worker.fails = time + restart + untilFailure();
      const idle = workers.find((one) => one.isIdle && one.queue === worker.queue);
      if (idle !== undefined) events.add(time, { worker: idle });
      continue;
    }
    // An idle worker fails, too, but nothing is lost with it.
    while (worker.fails < time) worker.fails += untilFailure();
    const tokens = worker.queue.take();
    worker.isIdle = tokens === undefined;
    if (tokens === undefined) continue;
    const end = time + overhead + tokens / worker.speed;
    if (worker.fails >= end) {
      makespan = Math.max(makespan, end);
      events.add(end, { worker });
    } else {
      failures += 1;
      lost += worker.fails - time;
      events.add(worker.fails, { worker, failed: tokens });
    }
  }
  return { makespan, lost, failures };
}

/** Of workers that never idle, wait or fail. */
export function idealSeconds(partitions, speeds) {
  const sum = (values) => values.reduce((all, value) => all + value, 0);
  return sum(partitions) / sum(speeds);
}

/** Partitions that nobody computes; what was given back comes first. */
class Queue {
  #partitions = [];
  #next = 0;
  #returned = [];

  add(tokens) {
    this.#partitions.push(tokens);
  }

  giveBack(tokens) {
    this.#returned.push(tokens);
  }

  take() {
    return this.#returned.pop() ?? this.#partitions[this.#next++];
  }
}

/** By time, and of one time in the order in which they were added: a binary heap. */
class Events {
  #heap = [];
  #added = 0;

  add(time, what) {
    const heap = this.#heap;
    const event = { ...what, time, number: this.#added++ };
    let at = heap.length;
    for (; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = event;
  }

  next() {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (heap.length === 0) return first;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child += 1;
      if (!isBefore(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(one, other) {
  return one.time < other.time || (one.time === other.time && one.number < other.number);
}
