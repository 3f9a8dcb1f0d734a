/** Times that the service tells in `Server-Timing`, milliseconds. */
export interface ServerTimes {
  /** From the first byte of the request's header to the last of its body. */
  readonly receiveMs: number;
  /** Waiting for a worker. */
  readonly queueMs: number;
  /** Decoding and running the tail, and the others of its batch. */
  readonly computeMs: number;
  /** It was run by something slower than will run the next ones, which is still being opened: it foretells nothing. */
  readonly isStandIn: boolean;
  /** How long a request that came now would wait. */
  readonly expectedQueueMs: number;
}

const NAMES = {
  receive: "receiveMs",
  queue: "queueMs",
  compute: "computeMs",
  expected: "expectedQueueMs",
} as const;

const STAND_IN = "desc=stand-in";

/** `receive;dur=1.2, queue;dur=0.1, compute;dur=8.4, expected;dur=0`; of a stand-in `compute;dur=8.4;desc=stand-in` */
export function formatServerTiming(times: ServerTimes): string {
  return Object.entries(NAMES)
    .map(([name, field]) => {
      const entry = `${name};dur=${times[field].toFixed(3)}`;
      return field === "computeMs" && times.isStandIn ? `${entry};${STAND_IN}` : entry;
    })
    .join(", ");
}

/** Reads the header; what is missing or malformed counts as 0. */
export function parseServerTiming(header: string): ServerTimes {
  const times = { receiveMs: 0, queueMs: 0, computeMs: 0, isStandIn: false, expectedQueueMs: 0 };
  for (const entry of header.split(",")) {
    const [name = "", ...fields] = entry.split(";").map((part) => part.trim());
    const duration = Number(fields.find((field) => field.startsWith("dur="))?.slice(4));
    if (Object.hasOwn(NAMES, name) && Number.isFinite(duration))
      times[NAMES[name as keyof typeof NAMES]] = duration;
    if (name === "compute") times.isStandIn = fields.includes(STAND_IN);
  }
  return times;
}
