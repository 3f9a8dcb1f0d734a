import type { SymbolicTensor } from "@tensorflow/tfjs";
import type { Blocks } from "./blocks.ts";

interface ResidualOptions {
  readonly filters: number;
  readonly stride: number;
  /** Whether the shortcut needs a convolution. */
  readonly widens: boolean;
}

/** Two 3x3 convolutions and what passes beside them (He et al. 2016, arXiv:1512.03385); the branch starts as zero. */
export function residual(
  blocks: Blocks,
  x: SymbolicTensor,
  name: string,
  { filters, stride, widens }: ResidualOptions,
): SymbolicTensor {
  const branch = blocks.convBnRelu(x, `${name}/conv1`, { filters, kernel: 3, stride });
  const sum = blocks.convBn(branch, `${name}/conv2`, { filters, kernel: 3, quiet: true });
  const shortcut = widens ? blocks.convBn(x, `${name}/shortcut`, { filters, kernel: 1, stride }) : x;
  return blocks.relu(blocks.add(sum, shortcut, `${name}/add`), `${name}/relu`);
}
