import { EddiError } from "#shared/errors";
import type { ModelNode } from "#shared/model";
import { textsOf } from "./attributes.ts";

/** What a fused operation adds: its bias, where the operation of ONNX takes none itself, and its activation. */
export function fusedOf(node: ModelNode): { readonly hasBias: boolean; readonly activation: string | null } {
  const [first, ...rest] = textsOf(node, "fused_ops");
  const hasBias = first === "BiasAdd";
  const activations = (hasBias ? rest : [first, ...rest]).filter((one) => one !== undefined);
  if (activations.length > 1)
    throw new EddiError(
      "bad-model",
      `${node.name} (${node.op}) cannot be exported: expected one activation, got ${activations}`,
    );
  return { hasBias, activation: activations[0] ?? null };
}
