import { Readable } from "node:stream";
import { vi } from "vitest";
import { runOrTell } from "./run-or-tell.ts";

// For tests only.

/** What a process would have left: its exit code, and what it wrote. */
export interface Left {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs what a process is for in this one, which spares the seconds that a new one takes to load the lab.
 *
 * @param input of standard input
 */
export async function atTerminal(run: () => Promise<void>, input = ""): Promise<Left> {
  const out = written("stdout");
  const err = written("stderr");
  const stdin = vi.spyOn(process, "stdin", "get").mockReturnValue(Readable.from([input]) as never);
  try {
    await runOrTell(run);
    return { status: Number(process.exitCode ?? 0), stdout: out.text(), stderr: err.text() };
  } finally {
    for (const spy of [out, err]) spy.restore();
    stdin.mockRestore();
    process.exitCode = undefined;
  }
}

function written(name: "stdout" | "stderr") {
  const texts: string[] = [];
  const spy = vi.spyOn(process[name], "write").mockImplementation((text) => {
    texts.push(String(text));
    return true;
  });
  return { text: () => texts.join(""), restore: () => spy.mockRestore() };
}
