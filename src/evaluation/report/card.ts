/** The model card's numbers as estimates: they come from a sample, too. */
import { type Estimate, estimateOf, wilsonInterval } from "../measures/interval.ts";

/** Prompts of each benchmark that the card's numbers come from. Which ones, it does not say. */
export const CARD_PROMPTS = 1000;

export function cardEstimate(share: number | undefined): Estimate | undefined {
  return share === undefined ? undefined : estimateOf(share, wilsonInterval(share * CARD_PROMPTS, CARD_PROMPTS));
}
