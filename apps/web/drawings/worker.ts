import { drawings } from "./drawings.ts";

// Drawn here, they keep no finger waiting; nor does the first wait for the last.
for await (const drawing of drawings()) self.postMessage(drawing);
self.postMessage(null);
