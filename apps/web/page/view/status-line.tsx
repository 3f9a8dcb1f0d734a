import { codecWords } from "#shared/model";
import type { LoadReport } from "#shared/planning";
import { arrivedBytes, engine, loadedBytes, model, profiling, shards, summary } from "../control/store.ts";
import { formatBytes, formatMs, formatRate } from "../words/format.ts";

const CLOUD_WORDS = { unknown: "?", up: "up", down: "down", refusing: "busy" } as const;

/** Network, edge and cloud at a glance. */
export function StatusLine() {
  const known = summary.value;
  const conditions = known?.conditions;
  const backend = engine.value === null ? "starting" : (engine.value.backend ?? "none");
  const cloud = known?.cloud ?? "unknown";
  const unknown = cloud === "down" ? "–" : "…";
  return (
    <dl class="status">
      <Item name="RTT" value={known?.measured.rtt ? formatMs(conditions!.rttMs) : unknown} />
      <Item name="uplink" value={known?.measured.uplink ? formatRate(conditions!.uplinkBps) : unknown} />
      <Item name="edge" value={backend} />
      <Item name="cloud" value={CLOUD_WORDS[cloud]} state={cloud} />
    </dl>
  );
}

function Item({
  name,
  value,
  state,
}: {
  readonly name: string;
  readonly value: string;
  readonly state?: string;
}) {
  return (
    <div class={state === undefined ? undefined : `is-${state}`}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** Weights that arrive; nothing once all that is wanted is there. */
export function WeightsProgress() {
  const loading = shards.value.filter(({ state }) => state === "loading");
  if (loading.length === 0) return null;
  const coming = loading.reduce((sum, { bytes, arrivedBytes: there }) => sum + bytes - there, 0);
  const text = `Fetching weights: ${formatBytes(arrivedBytes.value)} there, ${formatBytes(coming)} coming`;
  return (
    <div class="progress">
      <progress
        aria-label="Weights"
        value={arrivedBytes.value}
        max={Math.max(arrivedBytes.value + coming, 1)}
      />
      <span>{text}</span>
    </div>
  );
}

/** This device while it measures itself. */
export function ProfilingProgress() {
  const { state, share } = profiling.value;
  if (state !== "measuring") return null;
  return (
    <div class="progress">
      <progress aria-label="Profiling" value={share} max={1} />
      <span>{`Measuring this device: ${Math.round(100 * share)} %`}</span>
    </div>
  );
}

const PROFILING_WORDS = {
  waiting: "not yet",
  measuring: "being measured",
  done: "measured on this visit",
  cached: "measured on an earlier visit",
  off: "not to be measured (?profile=off)",
  failed: "could not be measured",
} as const;

/** Everything else, for those who want to know. */
export function Details() {
  const known = model.value;
  const device = engine.value;
  const plans = summary.value;
  return (
    <details class="card">
      <summary>Details</summary>
      <table>
        <tbody>
          {known !== null && (
            <Row name="model" value={`${known.id}, version ${known.version}, ${known.nodes.length} nodes`} />
          )}
          {known !== null && (
            <Row
              name="weights"
              value={`${formatBytes(loadedBytes.value)} of ${formatBytes(known.weightBytes)} fetched, ${shards.value.filter(({ state }) => state === "ready").length} of ${shards.value.length} shards`}
            />
          )}
          {device?.tried.map(({ backend, outcome, medianMs, detail }) => (
            <Row
              key={backend}
              name={backend}
              value={`${outcome}${medianMs === null ? "" : `, ${formatMs(medianMs)} for the reference net`}; ${detail}`}
            />
          ))}
          {device !== null && device.slowdown > 1 && (
            <Row name="slow-down" value={`the edge is made ${device.slowdown} times as slow (?slowdown=)`} />
          )}
          <Row name="this device" value={PROFILING_WORDS[profiling.value.state]} />
          {plans !== null && (
            <>
              <Row name="profiles" value={`heads: ${plans.profiles.head}; tails: ${plans.profiles.tail}`} />
              <Row
                name="scales"
                value={`edge × ${plans.conditions.edgeScale.toPrecision(2)}, cloud × ${plans.conditions.cloudScale.toPrecision(2)}, queue ${plans.cloud === "down" ? "–" : formatMs(plans.conditions.queueMs)}`}
              />
              <Row name="next plan" value={nextPlan()} />
              {plans.load !== null && <Row name="load" value={loadText(plans.load)} />}
            </>
          )}
        </tbody>
      </table>
    </details>
  );
}

function nextPlan(): string {
  const plans = summary.value;
  if (plans?.plan == null) return "none: no weights yet and no cloud";
  const { plan, prediction } = plans;
  const time = prediction === null ? "" : `, about ${formatMs(prediction.totalMs)}`;
  const state = prediction?.feasible === false ? ", over the budget" : "";
  const codecs = Object.entries(plan.codecs ?? {}).map(
    ([name, codec]) => `, ${name} as ${codecWords(codec)}`,
  );
  return `${plan.exit}, ${plan.head.length - 1} nodes on the edge${codecs.join("")}${time}${state}`;
}

const LOAD_WORDS = {
  latency: "the plan for one image keeps up",
  throughput: "a plan of shorter stages keeps up",
  overload: "no plan keeps up",
} as const;

function loadText({ framesPerSecond, mode, planFps, sustainableFps }: LoadReport): string {
  const sustained = `this one sustains ${planFps.toPrecision(2)}, the most is ${sustainableFps.toPrecision(2)}`;
  return `${framesPerSecond} frames/s: ${LOAD_WORDS[mode]}; ${sustained}`;
}

function Row({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{value}</td>
    </tr>
  );
}
