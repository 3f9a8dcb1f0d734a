/** Sweeps that a symmetric matrix of some hundreds of rows needs at most; far fewer are usual. */
const MOST_SWEEPS = 30;

/**
 * Eigenvalues and eigenvectors of a symmetric matrix, by cyclic Jacobi rotations (Golub and Van Loan, 8.5): each makes
 * one pair of elements 0 and never enlarges the others.
 *
 * @param matrix [size, size], row-major; left as it is
 * @returns the values, greatest first, and their vectors as rows [size, size]: orthonormal
 */
export function symmetricEigen(
  matrix: Float64Array,
  size: number,
): { readonly values: Float64Array; readonly vectors: Float64Array } {
  const a = Float64Array.from(matrix);
  const rows = new Float64Array(size * size);
  for (let i = 0; i < size; i++) rows[i * size + i] = 1;
  let scale = 0;
  for (let i = 0; i < size; i++) scale = Math.max(scale, Math.abs(a[i * size + i]!));
  const least = 1e-12 * scale;
  for (let sweep = 0, most = Infinity; most > least && sweep < MOST_SWEEPS; sweep++) {
    most = 0;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        const off = a[p * size + q]!;
        most = Math.max(most, Math.abs(off));
        if (Math.abs(off) > least) rotate(a, rows, size, p, q);
      }
    }
  }
  const order = Array.from({ length: size }, (_, i) => i).sort((i, j) => a[j * size + j]! - a[i * size + i]!);
  const vectors = new Float64Array(size * size);
  for (const [to, from] of order.entries()) {
    vectors.set(rows.subarray(from * size, (from + 1) * size), to * size);
  }
  return { values: Float64Array.from(order, (i) => a[i * size + i]!), vectors };
}

/** Makes a[p, q] 0. */
function rotate(a: Float64Array, rows: Float64Array, size: number, p: number, q: number): void {
  const tau = (a[q * size + q]! - a[p * size + p]!) / (2 * a[p * size + q]!);
  const tan = Math.sign(tau || 1) / (Math.abs(tau) + Math.hypot(1, tau));
  const cos = 1 / Math.hypot(1, tan);
  const sin = tan * cos;
  for (const m of [a, rows]) {
    for (let i = 0; i < size; i++) {
      const [x, y] = [m[p * size + i]!, m[q * size + i]!];
      m[p * size + i] = cos * x - sin * y;
      m[q * size + i] = sin * x + cos * y;
    }
  }
  for (let i = 0; i < size; i++) {
    const [x, y] = [a[i * size + p]!, a[i * size + q]!];
    a[i * size + p] = cos * x - sin * y;
    a[i * size + q] = sin * x + cos * y;
  }
}
