import { type LiteRt, loadLiteRt, supportsFeature } from "@litertjs/core";
import makeModule from "@litertjs/core/wasm/litert_wasm_internal.js";
import wasm from "@litertjs/core/wasm/litert_wasm_internal.wasm?url&no-inline";
import { EddiError } from "#shared/errors";
import { joined, receive } from "../../../service/receive.ts";
import type { Traffic } from "../../../service/traffic.ts";

/** What LiteRT looks for where it is loaded. */
interface Scope {
  importScripts?: (...urls: readonly string[]) => void;
  ModuleFactory?: unknown;
  Module?: object;
}

/**
 * Loads LiteRT: 9 MB, of which 2.4 MB travel. Its script comes as a module, since a worker of modules may load no other:
 * what LiteRT takes for a script that it loads has been loaded by then.
 *
 * @throws EddiError `unavailable` where this browser or the link has none; whatever LiteRT throws
 */
export async function openRuntime(traffic: Traffic): Promise<LiteRt> {
  if (!(await supportsFeature("relaxedSimd"))) {
    throw new EddiError("unavailable", "this browser lacks the relaxed SIMD that LiteRT is built for");
  }
  const { response, chunks } = await receive(wasm, { traffic, fetch: (url, init) => fetch(url, init) });
  if (!response.ok) throw new EddiError("unavailable", `${wasm}: got HTTP ${response.status}`);
  const scope = self as Scope;
  const own = Object.getOwnPropertyDescriptor(scope, "importScripts");
  const silent = (): void => {};
  scope.Module = { wasmBinary: joined(chunks), print: silent, printErr: silent };
  scope.importScripts = () => {
    scope.ModuleFactory = makeModule;
  };
  try {
    return await loadLiteRt("litert_wasm_internal.js");
  } finally {
    if (own === undefined) delete scope.importScripts;
    else Object.defineProperty(scope, "importScripts", own);
  }
}
