import { ensureBuilt } from "../../scripts/ensure.mjs";

/** Before the first test: the page is what the sources say. */
export default (): Promise<void> => ensureBuilt();
