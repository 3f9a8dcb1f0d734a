import { EddiError } from "#shared/errors";

const EXIT_FAILED = 2;

/** Runs what a process is for: what is wrong is told on standard error, in one line if it is no fault of ours. */
export async function runOrTell(run: () => Promise<void>): Promise<void> {
  process.stdout.off("error", onWriteError).on("error", onWriteError);
  try {
    await run();
  } catch (error) {
    process.stderr.write(`${error instanceof EddiError ? error.message : (error as Error).stack}\n`);
    process.exitCode = EXIT_FAILED;
  }
}

function onWriteError(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  // Whoever reads has seen enough, as `head` has.
  process.exit();
}
