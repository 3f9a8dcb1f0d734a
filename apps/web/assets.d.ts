/** The address of a file that the build puts beside the scripts: Vite's own types would bring the page's `document`. */
declare module "*.wasm?url&no-inline" {
  const url: string;
  export default url;
}

/** LiteRT's script, which says nothing of its types. */
declare module "@litertjs/core/wasm/litert_wasm_internal.js" {
  const makeModule: (settings: object) => Promise<object>;
  export default makeModule;
}
