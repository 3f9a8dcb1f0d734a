import { toEddiError } from "#shared/errors";
import type { Cell } from "../results/cell.ts";
import { CellRunner } from "./run-cell.ts";

/** A process of `crew.ts`: told the folder of traces first, then cells, one after the other. */
let runner: CellRunner | null = null;

process.on("message", async (message: { readonly traces: string } | { readonly cell: Cell }) => {
  if ("traces" in message) {
    runner = new CellRunner(message.traces);
    return;
  }
  try {
    process.send!({ result: await runner!.run(message.cell) });
  } catch (thrown) {
    const { code, message: text } = toEddiError(thrown);
    process.send!({ code, message: text });
  }
});
process.on("disconnect", () => process.exit());
