/** Numbers as labels: layouts that are named by what their numbers mean, and how to say it. */
import { areThree, type SeenLabels } from "../label-values.ts";
import type { LabelNumbers } from "../labels.ts";
import type { Description } from "../layout.ts";

/** A layout by the name of another one and its numbers. */
export function withNumbers<Of extends Description>({ name, title, ...others }: Of, numbers: LabelNumbers) {
  return {
    ...others,
    name: numbersName(name, numbers),
    title: `${title}, with labels ${meaningOf(numbers)}`,
    isByNameOnly: true,
  } as const;
}

/** What numbers mean, after "labels" or "a label". */
export function meaningOf({ first, second, tie }: LabelNumbers): string {
  if (tie === undefined) return `from ${first} (the first) to ${second} (the second)`;
  return `${first} (the first), ${second} (the second) and ${tie} (a tie)`;
}

function numbersName(layout: string, { first, second, tie }: LabelNumbers): string {
  const numbers = tie === undefined ? `${first}..${second}` : `${first},${second},${tie}`;
  return `${layout.replace(/:.*/, "")}:${numbers}`;
}

/**
 * How to say which number means what.
 *
 * @param shown how the file writes a number
 */
export function numbersAdvice(
  layout: string,
  labels: SeenLabels,
  [response, other]: readonly string[],
  shown: (number: number) => string = String,
): string {
  const option = (numbers: LabelNumbers) => `--adapter ${numbersName(layout, numbers)}`;
  const { low, high } = labels;
  if (areThree(labels)) {
    // Read as a scale, a code for a tie at its end would be a victory.
    const middle = low + 1;
    return (
      `${option({ first: low, second: middle, tie: high })} if ${low} means ${response}, ${middle} ${other} and ${high} a tie; ` +
      `${option({ first: middle, second: high, tie: low })} if ${low} means a tie; ` +
      `${option({ first: low, second: high })} if ${low} means ${response}, ${middle} a tie and ${high} ${other}. ` +
      "If the responses are the other way round, swap their two numbers."
    );
  }
  const [from, to] = endsOf(labels);
  const isWhole = from === low && to === high;
  return (
    `${option({ first: from, second: to })} if ${shown(from)} means ${response}, ` +
    `or ${option({ first: to, second: from })} if ${shown(to)} means ${response}` +
    `${isWhole && to - from > 1 ? " (name the ends of the whole scale, even if no label reaches them)" : ""}.`
  );
}

/** Of the scale that the numbers seem to be on: probabilities and the like rarely reach its ends. */
function endsOf({ low, high, numbers }: SeenLabels): readonly [number, number] {
  const isWhole = [...numbers].every(Number.isInteger);
  if (low >= 0 && high <= 1 && (low === high || !isWhole)) return [0, 1];
  if (low >= -1 && high <= 1 && !isWhole) return [-1, 1];
  return low < high ? [low, high] : [0, 1];
}
