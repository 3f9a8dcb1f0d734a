import type { Quantiles, Weighted } from "../chance/quantiles.ts";

/**
 * Who the users are: what `population/1` says, as far as something is drawn from it or played by it. The file also
 * holds the sources of all numbers; shared data's POPULATION.md explains it.
 */
export interface Population {
  readonly title: string;
  readonly radios: readonly Radio[];
  readonly devices: readonly Device[];
  readonly jointDeviceRadio: {
    /** Ids of devices. */
    readonly rows: readonly string[];
    /** Ids of radios. */
    readonly columns: readonly string[];
    /** By row, then by column; all sum to 1. */
    readonly weight: readonly (readonly number[])[];
  };
  readonly cloud: CloudPopulation;
  readonly use: UsePopulation;
  readonly sampling: Sampling;
  readonly strata: readonly Stratum[];
}

export interface Radio {
  readonly id: string;
  /** Means over time, over users. */
  readonly uplinkBps: Quantiles;
  readonly downlinkBps: Quantiles;
  /** To a regional cloud. */
  readonly rttMs: Quantiles;
  readonly variation: readonly Variation[];
  /** What the RTT is multiplied by, drawn once a second with correlation 0.7. */
  readonly rttFactor: Quantiles;
  readonly wakeUp: WakeUp;
}

/** How bandwidth goes up and down: a trace, or with null a constant times exp(0.15 z), z correlated by 0.9 a second. */
export interface Variation extends Weighted {
  /** From the shared data's folder, such as `traces/nyu-mets-lte/7Train1.csv`. */
  readonly trace: string | null;
  /** Of a trace. */
  readonly durationS?: number;
}

export interface WakeUp {
  readonly idleAfterS: number;
  /** At some operators. */
  readonly idleAfterSAlternative?: Weighted & { readonly value: number };
  readonly wakeMs: Quantiles;
  readonly drxCycleMs: number;
  readonly drxShareOfUsers: number;
  readonly drxAfterMs: number;
}

export interface Device {
  readonly id: string;
  readonly family: string;
  readonly edgeMsPer100MmacWasmSimd1: Quantiles;
  readonly edgeMsPer100MmacWebgpu: Quantiles;
  readonly webgpuMsPerOperation: number;
  readonly webgpuReadbackMs: number;
  readonly webgpuUsableShare: number;
  readonly webgpuFirstRunMs: number;
  readonly photoDecodeMs: number;
  readonly thermal: {
    readonly wasm: Thermal;
    readonly webgpu: Thermal;
    readonly coolDownS: number;
  };
}

/** How much slower a device gets after so long of unbroken work. */
export interface Thermal {
  readonly onsetS: number;
  readonly slowdownP50: number;
  readonly slowdownP90: number;
}

export interface CloudPopulation {
  readonly kinds: readonly CloudKind[];
  /** Factor: of a CPU's time; a GPU's is always 1. */
  readonly backend: readonly (Weighted & { readonly id: string; readonly factor: number })[];
  readonly distance: readonly (Weighted & { readonly id: string; readonly extraRttMs: number })[];
  readonly utilisation: Quantiles;
  /** Coefficients of variation of the gaps between other clients' requests. */
  readonly otherClients: { readonly cv: readonly (Weighted & { readonly value: number })[] };
  readonly bursts: Bursts & { readonly share: number };
  readonly coldStart: { readonly probabilityPerSession: number; readonly ms: Quantiles };
}

export interface CloudKind extends Weighted {
  readonly id: string;
  readonly threads: number;
  readonly cloudFixedMs: number;
  readonly cloudMsPer100Mmac: number;
}

/** Of other clients' requests, not told in advance. */
export interface Bursts {
  readonly durationS: Quantiles;
  readonly rateFactor: Quantiles;
}

export type ModeId = "single" | "burst" | "live";

export interface UsePopulation {
  readonly modes: readonly Mode[];
  readonly budgets: Readonly<Record<ModeId, readonly (Weighted & { readonly budgetMs: number })[]>>;
  /** Points of accuracy below the full net. */
  readonly accuracyFloors: readonly (Weighted & { readonly lossPoints: number })[];
  readonly liveFrameDecodeShareOfPhotoDecode: number;
  readonly connection: Connection;
}

/** One photo, then a pause; some in a row, then a pause; or frames of a camera. */
export type Mode =
  | (Weighted & { readonly id: "single"; readonly images: Quantiles; readonly thinkS: Quantiles })
  | (Weighted & {
      readonly id: "burst";
      readonly images: Quantiles;
      readonly gapS: Quantiles;
      readonly thinkS: Quantiles;
    })
  | (Weighted & {
      readonly id: "live";
      readonly fps: readonly (Weighted & { readonly value: number })[];
      readonly sessionS: Quantiles;
    });

export interface Connection {
  readonly initialWindowBytes: number;
  readonly slowStartAfterIdleS: number;
  readonly reconnectAfterIdleS: Quantiles;
  readonly reconnectRtts: number;
}

export interface Sampling {
  /** Policies are tuned on this seed, judged on others. */
  readonly seeds: { readonly tuning: number };
}

/** One of a few fixed conditions that stand for all. */
export interface Stratum extends Weighted {
  readonly id: string;
  readonly radio: string;
  readonly device: string;
  readonly uplinkBps: number;
  readonly downlinkBps: number;
  /** To the cloud, distance included. */
  readonly rttMs: number;
  readonly trace: string | null;
  readonly traceStartS: number;
  readonly edgeMsPer100MmacWasmSimd1: number;
  /** Null where it is not usable. */
  readonly edgeMsPer100MmacWebgpu: number | null;
  readonly edgeSlowdownWasm: number;
  readonly edgeSlowdownWebgpu: number;
  readonly mode: ModeId;
  readonly budgetMs: number;
  /** Between photos; 0 for frames. */
  readonly thinkS: number;
  /** 0 for photos. */
  readonly fps: number;
  readonly lossPoints: number;
  readonly cloudKind: string;
  readonly backend: string;
  readonly cloudFixedMs: number;
  /** The backend's factor included. */
  readonly cloudMsPer100Mmac: number;
  readonly distance: string;
  readonly utilisation: number;
  readonly arrivalCv: number;
}
