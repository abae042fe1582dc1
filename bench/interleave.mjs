/** Measures contenders in turns. */
import { setTimeout as pause } from "node:timers/promises";
import { Contender } from "./contender.mjs";
import { load } from "./machine.mjs";
import { shortRate } from "./report.mjs";
import { summarize } from "./statistics.mjs";

/** llama.cpp's threads spin for a while after their work, which would slow down the next contender. */
const SETTLE_MS = 500;

/**
 * Starts all contenders, warms each up once, and measures them in turns: A B C, B C A, … Load on the machine then affects all
 * of them, and none is always first.
 *
 * @param {readonly import("./contender.mjs").ContenderPlan[]} plans
 * @param {{ repetitions: number, log: (line: string) => void }} options
 */
export async function interleave(plans, { repetitions, log }) {
  const contenders = plans.map((plan) => new Contender(plan));
  try {
    // One after another, because parallel loading would be slower.
    for (const contender of contenders) {
      log(`Starting ${contender.plan.name}`);
      await contender.ready();
    }
    const rounds = [];
    for (let i = 0; i < repetitions; i++) {
      const round = { load: load(), measurements: [] };
      for (let k = 0; k < contenders.length; k++) {
        const at = (i + k) % contenders.length;
        await pause(SETTLE_MS);
        round.measurements[at] = await contenders[at].measure();
      }
      rounds.push(round);
      const rates = round.measurements.map((measured) => shortRate(rate(measured)));
      log(`round ${i + 1}/${repetitions}, load ${round.load.toFixed(1)}: ${rates.join("  ")} tokens/s`);
    }
    return contenders.map(({ plan: { name, does }, details }, at) => ({
      name,
      does,
      ...(details === undefined ? {} : { details }),
      seconds: summarize(rounds.map(({ measurements }) => measurements[at].seconds)),
      tokensPerSecond: summarize(rounds.map(({ measurements }) => rate(measurements[at]))),
      tokensPerCpuSecond: summarize(rounds.map(({ measurements }) => cpuRate(measurements[at]))),
      peakBytes: contenders[at].peakBytes(),
      measurements: rounds.map(({ load, measurements }) => ({ load, ...measurements[at] })),
    }));
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()));
  }
}

/** Tokens per second of wall time. */
function rate({ tokens, seconds }) {
  return tokens / seconds;
}

/** Tokens per second of CPU time of all threads, which load by other programs does not lower. */
function cpuRate({ tokens, cpuSeconds }) {
  return tokens / cpuSeconds;
}

/**
 * Ratios of two contenders' rates, round by round, so a slow round affects both sides. `cpuRatio` uses CPU time instead of wall
 * time: steadier on a busy machine, but it counts threads that spin while waiting for each other.
 */
export function compare(subject, reference) {
  const ratios = (of) => subject.measurements.map((measured, i) => of(measured) / of(reference.measurements[i]));
  return {
    subject: subject.name,
    reference: reference.name,
    ratio: summarize(ratios(rate)),
    cpuRatio: summarize(ratios(cpuRate)),
  };
}
