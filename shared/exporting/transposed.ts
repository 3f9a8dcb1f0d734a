/**
 * A tensor with its axes in another order.
 *
 * @param order which axis of the tensor each of the result's axes is
 */
export function transposed(
  { shape, values }: { readonly shape: readonly number[]; readonly values: Float32Array },
  order: readonly number[],
): { readonly shape: readonly number[]; readonly values: Float32Array } {
  const sides = order.map((axis) => shape[axis]!);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1));
  const steps = order.map((axis) => strides[axis]!);
  const result = new Float32Array(values.length);
  const at = sides.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = values[from]!;
    for (let axis = sides.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++at[axis]! < sides[axis]!) break;
      from -= steps[axis]! * sides[axis]!;
      at[axis] = 0;
    }
  }
  return { shape: sides, values: result };
}
