import type { Controller } from "../control/controller.ts";
import { modelId, models } from "../control/store.ts";

/** Changes to another of the service's models, where there are several: the page opens anew with it. */
export function ModelPicker({ controller }: { readonly controller: Controller }) {
  const current = modelId.value;
  const others = models.value.filter((name) => name !== current);
  if (current === null || others.length === 0) return null;
  return (
    <select
      class="model"
      aria-label="Model"
      value={current}
      onChange={(event) => location.assign(controller.addressFor(event.currentTarget.value))}
    >
      {[current, ...others].sort().map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}
