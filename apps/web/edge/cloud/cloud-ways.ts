import { EddiError } from "#shared/errors";
import type { Transport } from "#shared/model";
import { HEADER_LENGTH, parseServerTiming } from "#shared/protocol";
import type { CloudStream } from "../../service/cloud-stream.ts";
import { modelPath } from "../../service/model-path.ts";
import type { Service } from "../../service/service.ts";
import type { StreamAsk } from "../../service/stream-socket.ts";

/** What the service said, whichever way it came. */
export interface CloudMessage {
  readonly status: number;
  /** Null when the whole body is JSON. */
  readonly jsonBytes: number | null;
  readonly body: Uint8Array;
  /** By the service's clock; null when it does not tell. There is no time of receiving on a stream. */
  readonly times: {
    readonly receiveMs: number | null;
    readonly queueMs: number;
    readonly computeMs: number;
    readonly isStandIn: boolean;
    readonly expectedQueueMs: number;
  } | null;
  readonly retryAfterS: number | null;
  /** From sending it to the reply's header, or to the whole message on a stream. */
  readonly elapsedMs: number;
  /** When that was. */
  readonly arrivedMs: number;
}

/** The ways to the cloud: the stream while it is open, else `fetch`; or the one that is forced. */
export class CloudWays {
  private readonly service: Pick<Service, "fetch">;
  private readonly stream: CloudStream;
  private readonly forced: Transport | null;

  constructor(service: Pick<Service, "fetch">, stream: CloudStream, forced: Transport | null) {
    this.service = service;
    this.stream = stream;
    this.forced = forced;
  }

  /**
   * Sends one request. Nobody waits for a stream to open; a request whose stream dies goes by `fetch`.
   *
   * @param onWay told which way it goes, and which one then
   * @throws the signal's reason; what `fetch` throws; EddiError `unavailable` when a stream is forced and fails
   */
  async send(asked: StreamAsk, signal: AbortSignal, onWay: (way: Transport) => void): Promise<CloudMessage> {
    const { stream, forced } = this;
    if (forced === "stream") await Promise.race([stream.opened(), aborted(signal)]);
    else if (forced === null) stream.connect();
    if (forced !== "fetch" && stream.isOpen) {
      onWay("stream");
      try {
        return await overStream(stream, asked, signal);
      } catch (thrown) {
        const isLost = thrown instanceof EddiError && thrown.code === "unavailable";
        if (forced === "stream" || signal.aborted || !isLost) throw thrown;
      }
    }
    onWay("fetch");
    return overFetch(this.service, asked, signal);
  }
}

async function overStream(stream: CloudStream, asked: StreamAsk, signal: AbortSignal): Promise<CloudMessage> {
  const startedMs = performance.now();
  const { status, jsonBytes, body, times, retryAfterS, arrivedMs } = await stream.ask(asked, signal);
  return {
    status,
    jsonBytes,
    body,
    times: times === null ? null : { receiveMs: null, ...times },
    retryAfterS,
    elapsedMs: arrivedMs - startedMs,
    arrivedMs,
  };
}

async function overFetch(
  service: Pick<Service, "fetch">,
  asked: StreamAsk,
  signal: AbortSignal,
): Promise<CloudMessage> {
  const { model, version, jsonBytes, encoding, body } = asked;
  const of = version === null ? "" : `/versions/${version}`;
  const startedMs = performance.now();
  const response = await service.fetch(`${modelPath(model)}${of}/infer`, {
    method: "POST",
    headers: {
      "content-type": jsonBytes === null ? "application/json" : "application/octet-stream",
      ...(jsonBytes === null ? {} : { [HEADER_LENGTH]: String(jsonBytes) }),
      ...(encoding === null ? {} : { "content-encoding": encoding }),
    },
    body: body as Uint8Array<ArrayBuffer>,
    signal,
  });
  const arrivedMs = performance.now();
  const { headers, status } = response;
  const told = headers.get("server-timing");
  return {
    status,
    jsonBytes: numberOf(headers.get(HEADER_LENGTH)),
    body: new Uint8Array(await response.arrayBuffer()),
    times: told === null ? null : parseServerTiming(told),
    retryAfterS: numberOf(headers.get("retry-after")),
    elapsedMs: arrivedMs - startedMs,
    arrivedMs,
  };
}

/** What a header says; null when it is missing or no number. */
function numberOf(header: string | null): number | null {
  const value = Number(header ?? Number.NaN);
  return Number.isFinite(value) ? value : null;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
