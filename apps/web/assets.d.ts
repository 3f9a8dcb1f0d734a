/** The address of a file that the build puts beside the scripts: Vite's own types would bring the page's `document`. */
declare module "*.wasm?url&no-inline" {
  const url: string;
  export default url;
}
