// Ports to listen on: the one asked for, or the first that is free.
import { createServer } from "node:net";
import { Refusal } from "./ensure.mjs";

const PORTS_TRIED = 20;

/**
 * The port asked for, which must be free; else the first free one from `usual` on.
 *
 * @param {string} host address to listen on
 * @param {string} option that a person would choose the port with
 * @param {string | undefined} asked
 * @param {number} usual
 * @param {number | undefined} except one that we take ourselves
 * @returns {Promise<number>}
 * @throws Refusal for what is no port, is taken, or is on no address of this machine
 */
export async function choosePort(host, option, asked, usual, except = undefined) {
  if (asked !== undefined) {
    const port = Number(asked);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new Refusal(`${option}: expected a port from 1 to 65535, got ${asked}`);
    }
    if (port === except || !(await isFree(host, port))) {
      throw new Refusal(`port ${port} is taken: choose another with ${option}, or leave it out`);
    }
    return port;
  }
  for (let port = usual; port < usual + PORTS_TRIED; port++) {
    if (port !== except && (await isFree(host, port))) return port;
  }
  throw new Refusal(`ports ${usual} to ${usual + PORTS_TRIED - 1} are taken: choose one with ${option}`);
}

/** @returns {Promise<boolean>} */
function isFree(/** @type {string} */ host, /** @type {number} */ port) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(false);
      else
        reject(new Refusal(`expected an address of this machine to listen on, got ${host} (${error.code})`));
    });
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
