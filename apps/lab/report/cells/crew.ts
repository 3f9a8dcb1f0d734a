import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { EddiError, type ErrorCode } from "#shared/errors";
import type { Cell, CellResult } from "../results/cell.ts";

type Reply = { readonly result: CellResult } | { readonly code: ErrorCode; readonly message: string };

/**
 * Runs cells in processes of their own. What comes does not hang on how many there are.
 *
 * @param onDone told how many cells are done
 * @returns results in the order of the cells
 * @throws EddiError of the first cell that fails, or `internal` when a process ends
 */
export async function runCells(
  cells: readonly Cell[],
  {
    traces,
    processes,
    onDone,
  }: { readonly traces: string; readonly processes: number; readonly onDone: (done: number) => void },
): Promise<readonly CellResult[]> {
  const results: CellResult[] = new Array(cells.length);
  let next = 0;
  let done = 0;
  const crew = Array.from({ length: Math.min(processes, cells.length) }, () =>
    fork(fileURLToPath(new URL("worker.ts", import.meta.url)), { execArgv: ["--import", "tsx"] }),
  );
  try {
    await Promise.all(
      crew.map(
        (child) =>
          new Promise<void>((settle, fail) => {
            let at = -1;
            const take = (): void => {
              at = next++;
              if (at >= cells.length) settle();
              else child.send({ cell: cells[at] });
            };
            child.on("message", (reply: Reply) => {
              if ("code" in reply) {
                fail(new EddiError(reply.code, `${JSON.stringify(cells[at]!.at)}: ${reply.message}`));
                return;
              }
              results[at] = reply.result;
              onDone(++done);
              take();
            });
            child.on("error", fail);
            child.on("exit", (status) =>
              fail(
                new EddiError("internal", `expected a process to go on, got its end with status ${status}`),
              ),
            );
            child.send({ traces });
            take();
          }),
      ),
    );
  } finally {
    for (const child of crew) child.removeAllListeners("exit").disconnect();
  }
  return results;
}
