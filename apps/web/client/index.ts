/** What apps install as `eddi-client`: of all others only what these are made of. */
export { EddiError, type ErrorCode } from "#shared/errors";
export type { CloudState } from "#shared/learning";
export type { CodecText, Conditions, Plan, SimulatedConditions } from "#shared/model";
export type { Finish, Forecast, LoadReport, PlanningTrace, Prediction } from "#shared/planning";
export type {
  Answer,
  AskedExit,
  Backend,
  EngineReport,
  ImageSource,
  ModelSummary,
  OpenedPicture,
  Profiling,
  ProfilingMode,
  Provisional,
  ShardState,
  Stages,
  Timing,
  Trial,
  WhatRan,
} from "../talk/edge.ts";
export type {
  DownloadState,
  Imagined,
  Imagining,
  NodeFacts,
  PhaseMap,
  PhaseMapRequest,
  PlanSummary,
} from "../talk/optimizer.ts";
export { BUDGET_MS, CODEC_TEXTS } from "./check-arguments.ts";
export type {
  Answering,
  AskOptions,
  Client,
  ClientEvents,
  ClientState,
  ConditionsReport,
} from "./client.ts";
export { createClient } from "./create-client.ts";
export { listModels } from "./list-models.ts";
export type { ClientOptions, Objectives, PlainCloudOptions, ServiceOptions } from "./options.ts";
export type { StartWorker, WorkerKind } from "./worker-end.ts";
