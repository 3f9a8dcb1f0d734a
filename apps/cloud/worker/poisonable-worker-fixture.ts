import { port } from "./worker-port.ts";
import "./tail-worker.ts";

// For tests only: the real worker, which also does as it is told.
port.listen((message) => {
  const { kind } = message as { readonly kind: string };
  if (kind === "crash") process.exit(3);
  if (kind === "hang") for (;;);
  if (kind === "spoil") spoilNext();
});

/** As an engine would whose device is lost: the next scores are none. */
function spoilNext(): void {
  const { reply } = port;
  port.reply = (message) => {
    port.reply = reply;
    for (const result of message.kind === "ran" ? message.results : []) {
      if ("outputs" in result) result.outputs[0]!.values.fill(Number.NaN, 3, 4);
    }
    reply(message);
  };
}
