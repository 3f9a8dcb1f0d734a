/**
 * Where this script came from. The build puts all scripts into one folder of the page, `assets/`, and the sources lie
 * one folder deep as well.
 */
const HERE = import.meta.url;

/**
 * The full address of something that the service has. A proxy may have put any prefix before the service's paths, of
 * which neither it nor the page was told: the page's own scripts came through it, so what lies beside them does too.
 *
 * @param path from the service's root, such as `/v2/probe`
 */
export function serviceUrl(path: string): URL {
  const root = new URL("..", HERE);
  return new URL(root.pathname + path.replace(/^\//, ""), root);
}
