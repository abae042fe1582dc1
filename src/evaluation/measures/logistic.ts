/** What the losses of pairs are made of: -log sigmoid(x) is softplus(-x). */

/** log(1 + exp(x)) without overflow. */
export function softplus(x: number): number {
  return Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)));
}
