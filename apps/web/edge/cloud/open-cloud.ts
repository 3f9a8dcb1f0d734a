import type { Catalogue, Model } from "#shared/model";
import { STREAM_PATH, STREAM_PROTOCOL } from "#shared/protocol";
import { CloudStream } from "../../service/cloud-stream.ts";
import { Service } from "../../service/service.ts";
import type { EdgeSettings } from "../../talk/edge.ts";
import { CloudWays } from "./cloud-ways.ts";
import { encodeCut } from "./encode-cut.ts";
import { type CloudEnd, plainCloud } from "./plain-cloud.ts";

/**
 * The service itself, or the server that tails are asked of in its stead.
 *
 * @param catalogue what that server has; null before it has told
 */
export function openCloud(
  { cloud, transport }: EdgeSettings,
  service: Service,
  { metadata }: Model,
  catalogue: () => Catalogue | null,
): CloudEnd {
  const to = cloud === null ? service : new Service(cloud);
  const stream = new CloudStream(() => to.socket(STREAM_PATH, STREAM_PROTOCOL));
  const ways = new CloudWays(to, stream, cloud === null ? transport : "fetch");
  if (cloud !== null) return plainCloud(ways, metadata.id, catalogue);
  return { encode: encodeCut, send: (asked, signal, onWay) => ways.send(asked, signal, onWay) };
}
