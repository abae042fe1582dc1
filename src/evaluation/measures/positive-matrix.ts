/** Inverses of symmetric positive definite matrices. */

/** By Cholesky's decomposition. @param matrix changed in place */
export function positiveInverse(matrix: readonly Float64Array[]): Float64Array[] {
  const size = matrix.length;
  const at = (i: number, j: number) => matrix[i]?.[j] as number;
  const set = (i: number, j: number, value: number) => {
    (matrix[i] as Float64Array)[j] = value;
  };
  for (let j = 0; j < size; j++) {
    let diagonal = at(j, j);
    for (let k = 0; k < j; k++) diagonal -= at(j, k) ** 2;
    const root = Math.sqrt(Math.max(diagonal, Number.MIN_VALUE));
    set(j, j, root);
    for (let i = j + 1; i < size; i++) {
      let sum = at(i, j);
      for (let k = 0; k < j; k++) sum -= at(i, k) * at(j, k);
      set(i, j, sum / root);
    }
  }
  // Columns of the inverse, by solving for unit vectors.
  return Array.from({ length: size }, (_, unit) => {
    const x = new Float64Array(size);
    for (let i = unit; i < size; i++) {
      let sum = i === unit ? 1 : 0;
      for (let k = unit; k < i; k++) sum -= at(i, k) * (x[k] as number);
      x[i] = sum / at(i, i);
    }
    for (let i = size - 1; i >= 0; i--) {
      let sum = x[i] as number;
      for (let k = i + 1; k < size; k++) sum -= at(k, i) * (x[k] as number);
      x[i] = sum / at(i, i);
    }
    return x;
  });
}
