export type Split = "train" | "validation";

/** The published sets that the lab knows, by what it calls them. */
export type OfficialId = "imagenette" | "cifar10" | "clothing";

/** A labelled set of photos on this machine, not decoded yet. */
export interface DataSet {
  readonly id: OfficialId | "folder";
  /** Names of the classes; a photo's label is an index into them. */
  readonly labels: readonly string[];
  readonly folder: string;
  /** Height and width in pixels that its photos are decoded to. */
  readonly size: number;
  readonly splits: Readonly<Record<Split, SplitFiles>>;
}

export type SplitFiles =
  /** One image each, class by class, each class in the order of the names: the same on every machine. */
  | { readonly kind: "images"; readonly files: readonly ImageFile[] }
  /** CIFAR-10's binary batches, see `cifar10-records.ts`. */
  | { readonly kind: "records"; readonly files: readonly string[] };

export interface ImageFile {
  readonly path: string;
  /** Index of the class. */
  readonly label: number;
  /** Of a validation photo, where the set itself parts them: whether it is one to report on (`halves.ts`). */
  readonly isReported?: boolean;
}

/** A published set: where it comes from, how it is found again. */
export interface OfficialSet {
  readonly id: OfficialId;
  /** As its authors write it. */
  readonly name: string;
  readonly labels: readonly string[];
  /** Its archive; or, where there is none with a published hash, the page that tells how to get it. */
  readonly source: { readonly url: string; readonly md5: string } | { readonly page: string };
  /** Folders that its archives unpack to; the first is the official archive's. */
  readonly folders: readonly [string, ...string[]];
  /** File names of its archives. */
  readonly archives: readonly [string, ...string[]];
  /** Its layout, for messages. */
  readonly layout: string;
  /**
   * @returns null when the folder has another layout
   * @throws EddiError `not-found` naming what is missing where the layout is this set's but not whole
   */
  open(folder: string): Promise<DataSet | null>;
}
