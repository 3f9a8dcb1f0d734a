import type { SegmentModel } from "#shared/runtime";
import type { Split } from "../data/data-set.ts";
import type { DataSource } from "../data/find-data.ts";
import { loadFor } from "../data/load-for-model.ts";
import type { LoadedPhotos } from "../data/pixels.ts";
import { openBackend } from "../engine/backend.ts";
import { openModelFolder } from "../files/model-folder.ts";
import type { StatusLine } from "../terminal/status-line.ts";

/** A model ready to run on the photos of its data set. */
export interface ModelForPhotos {
  readonly segments: SegmentModel;
  /** As profiles call it. */
  readonly backend: string;
  readonly load: (split: Split) => Promise<LoadedPhotos>;
}

/** @throws EddiError as `openBackend`, `openModelFolder` and `loadFor` */
export async function openForPhotos(
  folder: string,
  { backend: wanted, data }: { readonly backend: string; readonly data: DataSource },
  status: StatusLine,
): Promise<ModelForPhotos> {
  const { backend } = (await openBackend(wanted)).info;
  const segments = await openModelFolder(folder);
  const load = await loadFor(segments.model.metadata.labels, data, status);
  return { segments, backend, load };
}
