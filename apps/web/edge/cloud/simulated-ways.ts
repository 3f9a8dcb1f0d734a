import { HEADER_BYTES } from "#shared/model";
import type { HoldReply, SimulatedLink } from "../../service/simulated-link.ts";
import type { CloudMessage, CloudWays } from "./cloud-ways.ts";

/** The ways to the cloud, their replies held for as long as the simulated link and the simulated queue would take. */
export function simulatedWays(ways: Pick<CloudWays, "send">, link: SimulatedLink): Pick<CloudWays, "send"> {
  return {
    send: async (asked, signal, onWay) => {
      const { simulated } = link;
      let hold: HoldReply = async () => {};
      const message = await ways.send(asked, signal, (way) => {
        hold = link.send(asked.body.byteLength + HEADER_BYTES[way].request, signal);
        onWay(way);
      });
      if (simulated === null) return message;
      const { times } = message;
      const queueMs = link.queueMs(times?.queueMs ?? 0);
      await hold(queueMs + (times?.computeMs ?? 0));
      const late = later(message);
      // What was let go before its time has not waited.
      if (link.simulated !== simulated || times === null) return late;
      return { ...late, times: { ...times, queueMs, expectedQueueMs: link.queueMs(times.expectedQueueMs) } };
    },
  };
}

/** As if it had come only now. */
function later(message: CloudMessage): CloudMessage {
  const arrivedMs = performance.now();
  return { ...message, arrivedMs, elapsedMs: message.elapsedMs + arrivedMs - message.arrivedMs };
}
