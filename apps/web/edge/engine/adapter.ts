import type { Backend } from "../../talk/edge.ts";

/** What a measured profile belongs to: the GPU where it computes, else the browser, which says what device it is on. */
export async function adapterName(backend: Backend): Promise<string> {
  const adapter =
    backend === "webgpu" ? await navigator.gpu.requestAdapter({ powerPreference: "high-performance" }) : null;
  if (adapter === null) return navigator.userAgent;
  const { vendor, architecture, device, description } = adapter.info;
  const name = [vendor, architecture, device, description].filter((part) => part !== "").join(" ");
  return `${name}, ${navigator.userAgent}`;
}
