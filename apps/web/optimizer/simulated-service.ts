import { EddiError } from "#shared/errors";
import { PROBE_HEADER_BYTES } from "#shared/learning";
import type { Service } from "../service/service.ts";
import type { SimulatedLink } from "../service/simulated-link.ts";

/**
 * The service as probes reach it: their replies come as late as over the simulated link. A probe that began before
 * something else was simulated is given up, so that it teaches nothing.
 */
export function simulatedService(
  service: Pick<Service, "fetch">,
  link: SimulatedLink,
): Pick<Service, "fetch"> {
  return {
    fetch: async (path, init = {}) => {
      const { simulated } = link;
      const bodyBytes = init.body instanceof Uint8Array ? init.body.byteLength : 0;
      const hold = link.send(PROBE_HEADER_BYTES + bodyBytes, init.signal);
      const response = await service.fetch(path, init);
      await hold(0);
      if (link.simulated === simulated) return response;
      throw new EddiError("cancelled", `${path}: something else is simulated by now`);
    },
  };
}
