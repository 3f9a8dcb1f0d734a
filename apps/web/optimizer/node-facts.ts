import type { Conditions } from "#shared/model";
import { codecWords } from "#shared/model";
import type { NodeFacts } from "../talk/optimizer.ts";
import type { Costed } from "./costed.ts";

/** What each node takes now, here and there, and what it costs to send what it makes: in the model's order. */
export function nodeFacts(
  { model, costs, head, tail }: Costed,
  conditions: Conditions,
): readonly NodeFacts[] {
  const last = model.metadata.exits.at(-1)!.id;
  const whole = costs.filter(({ exit }) => exit === last);
  return model.nodes.map(({ name, tensor }, node): NodeFacts => {
    const bytes = whole.flatMap(({ dag, wireBytes, requestBytes }) => {
      const at = dag.names.indexOf(name);
      return at < 0 || wireBytes[at] === Infinity ? [] : [wireBytes[at]! + requestBytes];
    });
    const measured = model.metadata.codecs?.[name] ?? [];
    return {
      name,
      shape: tensor.shape,
      edgeMs: node === 0 ? 0 : conditions.edgeScale * (head.profile.nodeMs[name] ?? 0),
      cloudMs: node === 0 ? 0 : conditions.cloudScale * (tail.profile.nodeMs[name] ?? 0),
      sentBytes: bytes.length === 0 ? null : Math.min(...bytes),
      codecs: measured
        .map((cost) => ({ codec: codecWords(cost), bytes: cost.bytes, loss: cost.loss[last] ?? null }))
        .sort((a, b) => a.bytes - b.bytes),
    };
  });
}
