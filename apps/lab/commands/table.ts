import type { Command } from "./command.ts";

/** A command as `lab --help` tells of it; loaded only when it is called. */
interface Row {
  readonly purpose: string;
  readonly load: () => Promise<Command>;
}

/** Every command of the lab, in the order of its help. */
export const COMMANDS: Readonly<Record<string, Row>> = {
  data: {
    purpose: "download and unpack a data set",
    load: async () => (await import("./data.ts")).dataCommand,
  },
  train: {
    purpose: "train a multi-exit model",
    load: async () => (await import("./train.ts")).trainCommand,
  },
  evaluate: {
    purpose: "measure the accuracy of every exit",
    load: async () => (await import("./evaluate.ts")).evaluateCommand,
  },
  calibrate: {
    purpose: "fit temperatures and early-exit policies",
    load: async () => (await import("./calibrate.ts")).calibrateCommand,
  },
  "fit-codec": {
    purpose: "fit a codec to one tensor of a model",
    load: async () => (await import("./fit-codec.ts")).fitCodecCommand,
  },
  "train-codec": {
    purpose: "train a codec that leads past a part of a model",
    load: async () => (await import("./train-codec.ts")).trainCodecCommand,
  },
  profile: {
    purpose: "measure a model's times on this machine",
    load: async () => (await import("./profile.ts")).profileCommand,
  },
  graph: {
    purpose: "show and draw what a model's DAG is made into",
    load: async () => (await import("./graph.ts")).graphCommand,
  },
  plan: {
    purpose: "plan problems given as JSON",
    load: async () => (await import("./plan.ts")).planCommand,
  },
  "phase-map": {
    purpose: "draw which exit and cut win where",
    load: async () => (await import("./phase-map.ts")).phaseMapCommand,
  },
  simulate: {
    purpose: "play photos under policies on traces",
    load: async () => (await import("./simulate.ts")).simulateCommand,
  },
  report: {
    purpose: "try EDDI against every policy, write a page of it",
    load: async () => (await import("./report.ts")).reportCommand,
  },
  compare: {
    purpose: "lay the margins of two reports side by side",
    load: async () => (await import("./compare.ts")).compareCommand,
  },
  estimate: {
    purpose: "replay requests, tell RTT and uplink",
    load: async () => (await import("./estimate.ts")).estimateCommand,
  },
  replay: {
    purpose: "decide a visit to the page anew, tell what is other today",
    load: async () => (await import("./replay.ts")).replayCommand,
  },
  "evaluate-latency": {
    purpose: "compare predicted with measured times of the stages",
    load: async () => (await import("./evaluate-latency.ts")).evaluateLatencyCommand,
  },
  proxy: {
    purpose: "shape the network between page and service",
    load: async () => (await import("./proxy.ts")).proxyCommand,
  },
  demo: {
    purpose: "classify photos under budgets and networks, print a table",
    load: async () => (await import("./demo.ts")).demoCommand,
  },
  import: {
    purpose: "make a foreign TF.js classifier one of ours",
    load: async () => (await import("./import.ts")).importCommand,
  },
  get: {
    purpose: "fetch, import and equip a published model",
    load: async () => (await import("./get.ts")).getCommand,
  },
  "add-exits": {
    purpose: "attach early exits to an imported model, without labels",
    load: async () => (await import("./add-exits.ts")).addExitsCommand,
  },
  "drop-exit": {
    purpose: "take an exit out of a model",
    load: async () => (await import("./drop-exit.ts")).dropExitCommand,
  },
  export: {
    purpose: "write a trained model as a GraphModel",
    load: async () => (await import("./export.ts")).exportCommand,
  },
  "export-onnx": {
    purpose: "write a model's tails as ONNX, for other servers",
    load: async () => (await import("./export-onnx.ts")).exportOnnxCommand,
  },
};
