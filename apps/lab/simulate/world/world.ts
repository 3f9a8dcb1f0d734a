import type { Conditions } from "#shared/model";
import { randomFrom } from "#shared/random";
import { normal } from "../chance/normal.ts";
import { drawAt, seedOf } from "../chance/seeds.ts";
import { Clock } from "./clock.ts";
import { Cloud, type CloudSettings } from "./cloud.ts";
import { Edge, type EdgeSettings } from "./edge.ts";
import { type LinkSettings, WorldLink } from "./link.ts";

/** What a request brings. */
export interface RequestBytes {
  /** Mean over photos, headers included. */
  readonly bytes: number;
  /** Of these, what no photo changes. */
  readonly fixedBytes: number;
  /** The rest is of a codec whose bytes hang on the photo: of images, or deflated. */
  readonly varies: boolean;
}

export interface WorldSettings {
  readonly link: LinkSettings;
  readonly edge: EdgeSettings;
  readonly cloud: CloudSettings;
  /** Of a photo's bytes about the mean, where the codec's bytes hang on the photo: of the logarithm. */
  readonly photoBytesSd: number;
}

/** All that a client meets. The same settings and seed make the same world, whatever is done in it. */
export class World {
  readonly clock = new Clock();
  readonly link: WorldLink;
  readonly edge: Edge;
  readonly cloud: Cloud;
  private readonly photoBytesSd: number;
  private readonly seed: number;

  constructor({ link, edge, cloud, photoBytesSd }: WorldSettings, seed: number) {
    this.link = new WorldLink(link, seed);
    this.edge = new Edge(edge, seed);
    this.cloud = new Cloud(cloud, seed);
    this.photoBytesSd = photoBytesSd;
    this.seed = seedOf(seed, "photos");
  }

  /** Of a request with this photo in it. */
  bytesOf({ bytes, fixedBytes, varies }: RequestBytes, photo: number): number {
    if (!varies) return bytes;
    const z = normal(randomFrom(this.seed ^ photo));
    return fixedBytes + (bytes - fixedBytes) * Math.exp(this.photoBytesSd * z - this.photoBytesSd ** 2 / 2);
  }

  /** What is true at some time, as planners are told it; rates and times as the next second has them on average. */
  conditionsAt(ms: number): Omit<Conditions, "spread"> {
    return {
      rttMs: this.link.rttMs(ms),
      uplinkBps: this.link.uplinkBps(ms, ms + 1000),
      downlinkBps: this.link.downlinkBps(ms, ms + 1000),
      edgeScale: this.edge.scaleAt(ms),
      cloudScale: this.cloud.computeMs(1, ms),
      queueMs: this.cloud.toldQueueMs(ms),
    };
  }

  /** Whether a codec spoils what an exit would have said rightly of a photo. @param loss its share of all photos */
  isSpoilt(photo: number, loss: number, accuracy: number): boolean {
    return loss > 0 && drawAt(this.seed, photo) < loss / accuracy;
  }
}
