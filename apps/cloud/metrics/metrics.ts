import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry as Prometheus } from "prom-client";
import { EddiError } from "#shared/errors";
import type { Registry } from "../models/registry.ts";
import { type Load, Shed } from "../tails/executor.ts";

/** What is observed of one tail that was run. */
export interface TailObserved {
  readonly model: string;
  readonly exits: readonly { readonly id: string }[];
  /** Whether they come before the one that was asked for, as the service is busy. */
  readonly isEarlier: boolean;
  /** Images in the request. */
  readonly images: number;
  readonly receiveMs: number;
  readonly queueMs: number;
  readonly computeMs: number;
}

/** What there is now. */
export interface ServiceState extends Load {
  /** Workers that can be given tails. */
  readonly live: number;
  readonly isReady: boolean;
  readonly streams: number;
  readonly connections: number;
  /** Of bodies under way. */
  readonly bytes: number;
}

/** Whatever is not one of ours, so that no client can make a label. */
const UNKNOWN = "unknown";

/** It made room for others, sent too many requests ahead, or too much on a stream for the memory there is. */
export type ClosedFor = "evicted" | "ahead" | "memory";

/** Seconds: from a tail of the tiny model to the longest that a request may wait. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BATCHES = [1, 2, 4, 8, 16, 32, 64];

/**
 * What Prometheus asks for, in the conventions of its names: base units, `_total` for what only grows. Labels
 * are routes as declared, models of the registry, exits of a model, HTTP statuses and codes of errors: all
 * bounded. Beside ours stand prom-client's of the process and of the event loop.
 */
export class Metrics {
  readonly prometheus = new Prometheus();
  private readonly registry: Registry;
  private readonly requests = this.counter("requests_total", "Requests answered.", ["route", "status"]);
  private readonly duration = this.seconds("request_duration_seconds", "From headers to answer.", ["route"]);
  private readonly requestBytes = this.counter("request_bytes_total", "Bytes of request bodies.");
  private readonly responseBytes = this.counter("response_bytes_total", "Bytes of answers' bodies.");
  private readonly receive = this.seconds("receive_duration_seconds", "Headers to whole body.", ["model"]);
  private readonly queue = this.seconds(
    "queue_duration_seconds",
    "Time that tails waited; that refused ones would have.",
    ["model"],
  );
  private readonly compute = this.seconds("compute_duration_seconds", "Time that tails ran.", ["model"]);
  private readonly batch = new Histogram({
    name: "eddi_batch_size",
    help: "Images in one run of a tail.",
    labelNames: ["model"],
    buckets: BATCHES,
    registers: [this.prometheus],
  });
  private readonly work = this.counter("work_seconds_total", "Time that workers ran tails.", ["model"]);
  private readonly exits = this.counter("exits_total", "Images answered by each exit.", ["model", "exit"]);
  private readonly earlier = this.counter(
    "earlier_exits_total",
    "Images answered by an earlier exit than asked, since the service was busy.",
    ["model"],
  );
  private readonly labels = this.counter(
    "edge_exits_total",
    "Early exits asked on the edge about images answered here, by whether both gave the same class.",
    ["model", "exit", "agrees"],
  );
  private readonly expectedLabels = this.counter(
    "edge_exits_expected_total",
    "Of those, on how many the exits' confidence expected it.",
    ["model", "exit"],
  );
  private readonly refused = this.counter("refused_total", "Tails not run, by code of the error.", [
    "model",
    "reason",
  ]);
  /** Errors that have been counted: some pass here twice. */
  private readonly counted = new WeakSet<object>();
  private readonly shed = this.counter("shed_total", "Requests refused for the service's sake, by cause.", [
    "cause",
  ]);
  private readonly closed = this.counter(
    "connections_closed_total",
    "Connections closed unasked, by cause.",
    ["cause"],
  );
  private readonly restarts = this.counter("worker_restarts_total", "Workers lost and replaced.");

  constructor(registry: Registry) {
    this.registry = registry;
    collectDefaultMetrics({ register: this.prometheus });
    new Gauge({
      name: "eddi_model_ready",
      help: "1 for a model that is served, 0 for one that is refused.",
      labelNames: ["model", "version"],
      registers: [this.prometheus],
      collect() {
        this.reset();
        for (const { name, version, state } of registry.index()) {
          this.set({ model: name, version }, Number(state === "READY"));
        }
      },
    });
  }

  /** Tells from now on how the service stands whenever it is asked; once. */
  follow(now: () => ServiceState): void {
    this.gauge("queue_depth", "Requests that wait for a worker.", () => now().queued);
    this.gauge("workers_alive", "Workers that can be given tails.", () => now().live);
    this.gauge("workers_busy", "Workers that run a tail.", () => now().running);
    this.gauge("expected_queue_seconds", "What a request that came now would wait.", () => {
      return now().expectedQueueMs / 1000;
    });
    this.gauge("stream_connections", "Open streams.", () => now().streams);
    this.gauge("connections", "Open connections, streams among them.", () => now().connections);
    this.gauge("bytes_under_way", "Bytes of bodies received, inflated and read.", () => now().bytes);
    this.gauge("ready", "1 when load balancers may send.", () => Number(now().isReady));
  }

  /** @param bytes of a request's body, as it came */
  received(bytes: number): void {
    this.requestBytes.inc(bytes);
  }

  /**
   * @param route as declared, with its parameters unnamed; undefined for none of ours
   * @param bytes of the answer's body
   */
  answered(route: string | undefined, status: number, ms: number, bytes: number): void {
    this.requests.inc({ route: route ?? UNKNOWN, status });
    this.duration.observe({ route: route ?? UNKNOWN }, ms / 1000);
    this.responseBytes.inc(bytes);
  }

  ran({ model, exits, images, isEarlier, receiveMs, queueMs, computeMs }: TailObserved): void {
    this.receive.observe({ model }, receiveMs / 1000);
    this.queue.observe({ model }, queueMs / 1000);
    this.compute.observe({ model }, computeMs / 1000);
    for (const { id } of exits) this.exits.inc({ model, exit: id }, images);
    if (isEarlier) this.earlier.inc({ model }, images);
  }

  /** @param confidence of an exit on the edge, 0..1, whose class this service's answer is the label for */
  labelled(model: string, exit: string, agrees: boolean, confidence: number): void {
    this.labels.inc({ model, exit, agrees: `${agrees}` });
    this.expectedLabels.inc({ model, exit }, confidence);
  }

  /** @param images of all requests that ran together */
  batched(model: string, images: number, computeMs: number): void {
    this.batch.observe({ model }, images);
    this.work.inc({ model }, computeMs / 1000);
  }

  /**
   * A tail that was not run. What it would have waited counts as waiting does: else nothing would be known of the
   * longest waits, and whoever adds replicas by them would take some away in an outage.
   *
   * @param named  as the client named the model
   * @param waitMs where the error does not tell
   */
  notRun(named: string, thrown: unknown, waitMs?: number): void {
    if (typeof thrown === "object" && thrown !== null) {
      if (this.counted.has(thrown)) return;
      this.counted.add(thrown);
    }
    const model = this.registry.index().some(({ name }) => name === named) ? named : UNKNOWN;
    const cause = thrown instanceof EddiError ? thrown.cause : undefined;
    const shed = cause instanceof Shed ? cause : null;
    const reason = shed?.reason ?? (thrown instanceof EddiError ? thrown.code : "internal");
    this.refused.inc({ model, reason });
    const missedMs = shed?.waitMs ?? waitMs;
    if (missedMs !== undefined) this.queue.observe({ model }, missedMs / 1000);
  }

  /** A request, whatever it asks for, that was not answered although nothing is wrong with it. */
  notAnswered(thrown: Pick<Error, "cause">): void {
    if (thrown.cause instanceof Shed) this.shed.inc({ cause: thrown.cause.reason });
  }

  connectionClosed(cause: ClosedFor): void {
    this.closed.inc({ cause });
  }

  workerLost(): void {
    this.restarts.inc();
  }

  private counter<T extends string>(name: string, help: string, labelNames: T[] = []): Counter<T> {
    return new Counter({ name: `eddi_${name}`, help, labelNames, registers: [this.prometheus] });
  }

  private seconds<T extends string>(name: string, help: string, labelNames: T[]): Histogram<T> {
    const options = { name: `eddi_${name}`, help, labelNames, buckets: SECONDS };
    return new Histogram({ ...options, registers: [this.prometheus] });
  }

  private gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name: `eddi_${name}`,
      help,
      registers: [this.prometheus],
      collect() {
        this.set(read());
      },
    });
  }
}
