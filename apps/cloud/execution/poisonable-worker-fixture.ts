import { port } from "./worker-port.ts";
import "./tail-worker.ts";

// For tests only: the real worker, which also does as it is told.
port.listen((message) => {
  const { kind } = message as { readonly kind: string };
  if (kind === "crash") process.exit(3);
  if (kind === "hang") for (;;);
});
