/** Runs contenders against each other. */
import { setTimeout as pause } from "node:timers/promises";
import { Contender } from "./contender.mjs";
import { load } from "./machine.mjs";
import { summarize } from "./statistics.mjs";

/** llama.cpp's threads spin for a while after their work: a contender must not pay for the one before. */
const SETTLE_MS = 500;

/**
 * Starts all contenders, lets each warm up once, and measures them in turn, A B C B C A …, so that a machine that
 * becomes busy for a while is busy for all of them, and none is always the first.
 *
 * @param {readonly import("./contender.mjs").ContenderPlan[]} plans
 * @param {{ repetitions: number, log: (line: string) => void }} options
 */
export async function interleave(plans, { repetitions, log }) {
  const contenders = plans.map((plan) => new Contender(plan));
  try {
    // One after another: loading is not what is measured, but it should not be slower than necessary.
    for (const contender of contenders) {
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
      const rates = round.measurements.map((measured) => rate(measured).toFixed(1));
      log(`round ${i + 1}/${repetitions}, load ${round.load.toFixed(1)}: ${rates.join("  ")} tokens/s`);
    }
    return contenders.map(({ plan: { name, does } }, at) => ({
      name,
      does,
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

/** Tokens per second of all threads' processor time, which other programs' load does not lower. */
function cpuRate({ tokens, cpuSeconds }) {
  return tokens / cpuSeconds;
}

/**
 * The ratio of two contenders' rates, round by round: what slows a whole round down leaves it alone. `cpuRatio` compares processor time
 * in place of wall time: on a busy machine it is the steadier one, but threads that wait for each other count as work.
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
