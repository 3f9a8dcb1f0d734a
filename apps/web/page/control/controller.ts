import { batch } from "@preact/signals";
import { EddiError, toEddiError } from "#shared/errors";
import { receive } from "../../service/receive.ts";
import { traffic } from "../../service/traffic.ts";
import type { Answer, AskOptions, EdgeEvent, ImageSource, Timing } from "../../talk/edge.ts";
import { orAborted, within } from "../../talk/within.ts";
import { type AskOpened, answerPicture } from "../choice/answer-picture.ts";
import { Answering, type Ask, type Screen } from "../choice/answering.ts";
import { showCamera } from "../choice/camera.ts";
import { answerLive } from "../choice/live.ts";
import { PictureQueue, type PictureState } from "../choice/picture-queue.ts";
import { addressFor, askedModel, chooseModel, fetchModels, offered } from "../settings/choose-model.ts";
import { addressWithKey } from "../settings/key.ts";
import type { PageSettings } from "../settings/settings.ts";
import { tabMemory } from "../settings/tab-memory.ts";
import { Session } from "./session.ts";
import * as store from "./store.ts";

/** A model that the address names is opened without the service's word after so long: the browser may have kept it. */
const INDEX_MS = 3000;

/** What the page can do: the one place that joins the session to what is shown. */
export class Controller {
  private readonly settings: PageSettings & { readonly key: string | null };
  private readonly session: Promise<Session>;
  private readonly answering: Answering;
  /** Ends the classifying of frames; null while there is none. */
  private live: AbortController | null = null;
  /** The small pictures to choose from. */
  readonly pictures = new PictureQueue((state) => this.tellPicture(state));

  /** @param settings the address' own, and the key for the service */
  constructor(settings: PageSettings & { readonly key: string | null }) {
    this.settings = settings;
    store.budgetMs.value = settings.budgetMs;
    this.session = this.start();
    const ask: Ask = (image, options, signal, show) => {
      const answer: AskOpened = async (source, opened) => {
        const session = await orAborted(this.session, signal);
        const how = opened === undefined ? options : { ...options, opened };
        return session.answer(source, { budgetMs: store.budgetMs.value, ...how }, signal);
      };
      if (!(image instanceof Blob)) return answer(image);
      return orAborted(answerPicture(image, answer, show), signal);
    };
    this.answering = new Answering(ask, screen);
    this.setMinAccuracy(settings.minAccuracy);
    traffic.listener = {
      onWire: (isOn) => this.tellPicture(isOn ? "loading" : "loaded"),
      onArrival: () => {},
    };
    store.busy.subscribe((isBusy) => this.pictures.hold("image", isBusy));
    this.session.catch((thrown: unknown) => store.showProblem(toEddiError(thrown).message));
    document.addEventListener("visibilitychange", () => {
      const visible = document.visibilityState === "visible";
      this.session.then((session) => session.setVisible(visible)).catch(() => {});
    });
  }

  /** Settles when images can be answered, by the cloud at least. */
  async ready(): Promise<void> {
    await (await this.session).ready;
  }

  /** Resolves when weights, probes and plan have come to rest. */
  async settle(): Promise<void> {
    await (await this.session).settle();
  }

  /** Times something on the edge: milliseconds of one run. */
  async time(what: Timing): Promise<number> {
    return (await this.session).time(what);
  }

  setBudget(budgetMs: number): void {
    store.budgetMs.value = budgetMs;
    this.session.then((session) => session.setBudget(budgetMs)).catch(() => {});
  }

  /** How often frames arrive and overlap; null: one image at a time. */
  setLoad(framesPerSecond: number | null): void {
    this.session.then((session) => session.setLoad(framesPerSecond)).catch(() => {});
  }

  /** Top-1 that is enough, 0..1; null: the best within the budget. */
  setMinAccuracy(minAccuracy: number | null): void {
    this.session.then((session) => session.setMinAccuracy(minAccuracy)).catch(() => {});
  }

  /** Where this page opens anew with another model. */
  addressFor(model: string): string {
    return addressWithKey(addressFor(model, location.href), this.settings.key, tabMemory());
  }

  /** For a script: it alone gets the failure. */
  answer(image: ImageSource, options: AskOptions, signal?: AbortSignal): Promise<Answer> {
    return this.answering.script(image, options, signal);
  }

  /** A file that the user chose, dropped or pasted. What is refused is said; nothing is thrown. */
  answerFile(file: Blob, label: string | null = null): Promise<void> {
    return this.answering.choose(async () => file, label);
  }

  answerSample({ url, label, file }: store.Sample): Promise<void> {
    return this.answering.choose(async (signal) => file ?? fetchSample(url, label, signal), label);
  }

  /** A photo taken with the camera, which closes: the photo stays on show. */
  answerPhoto(video: HTMLVideoElement): Promise<void> {
    return this.answering.choose(() => photoOf(video), null);
  }

  openCamera(): void {
    this.answering.chooseNone();
    store.camera.value = "open";
  }

  closeCamera(): void {
    this.answering.chooseNone();
    store.camera.value = "closed";
  }

  /** Shows the camera until what is returned is called. */
  showCamera(video: HTMLVideoElement): () => void {
    const closing = new AbortController();
    const listener = {
      onEnded: (reason: string) => this.cameraEnded(reason),
      onMuted: (reason: string | null) => this.cameraMuted(reason),
    };
    showCamera(video, listener, closing.signal).catch((thrown: unknown) => {
      if (!closing.signal.aborted) this.cameraEnded(toEddiError(thrown).message);
    });
    return () => {
      closing.abort();
      this.endLive();
      store.cameraMuted.value = null;
    };
  }

  /** Classifies the camera's pictures all the time, until something else is chosen. */
  startLive(video: HTMLVideoElement): void {
    const { framesPerSecond } = this.settings;
    const choice = this.answering.chooseNone();
    const live = new AbortController();
    choice.signal.addEventListener("abort", () => this.endLive(), { once: true, signal: live.signal });
    this.live = live;
    store.camera.value = "live";
    this.setLoad(framesPerSecond);
    answerLive(
      {
        video,
        framesPerSecond,
        answerFrame: () => this.answering.frame(choice, () => createImageBitmap(video)),
        onStalled: () => this.stopLiveFor("no new picture has come for seconds"),
      },
      live.signal,
    );
  }

  /** The last answer stays. */
  stopLive(): void {
    this.endLive();
    this.answering.stop();
  }

  private endLive(): void {
    if (this.live === null) return;
    this.live.abort();
    this.live = null;
    this.setLoad(null);
    if (store.camera.value === "live") store.camera.value = "open";
  }

  private cameraEnded(reason: string): void {
    const wasLive = this.live !== null;
    if (wasLive) this.stopLive();
    store.camera.value = "closed";
    store.showProblem(`camera: ${wasLive ? "live stopped: " : ""}${reason}`);
  }

  private cameraMuted(reason: string | null): void {
    store.cameraMuted.value = reason;
    if (reason !== null) this.stopLiveFor(reason);
  }

  private stopLiveFor(reason: string): void {
    if (this.live === null) return;
    this.stopLive();
    store.showProblem(`camera: live stopped: ${reason}`, true);
  }

  /** The model that the address names; where the service has none of that name, another one. */
  private async asked(model: string, names: Promise<readonly string[]>): Promise<string> {
    const known = await within(INDEX_MS, "the service's models", names).catch(() => null);
    const { id, problem } = askedModel(model, known);
    if (problem !== null) store.showProblem(problem);
    return id;
  }

  private tellPicture(state: PictureState): void {
    this.session.then((session) => session.setPicture(state)).catch(() => {});
  }

  private async start(): Promise<Session> {
    const { model, budgetMs, ...settings } = this.settings;
    const names = fetchModels();
    names.then((found) => (store.models.value = offered(found))).catch(() => {});
    const id = model === null ? chooseModel(await names) : await this.asked(model, names);
    store.modelId.value = id;
    return new Session({ model: id, ...settings }, budgetMs, {
      onModel: (summary) => {
        store.model.value = summary;
      },
      onEdge: (event) => onEdge(event),
      onOptimizer: (event) => {
        if (event.kind === "summary") store.summary.value = event.summary;
        else if (event.kind === "hold") this.pictures.hold("probe", event.isHeld);
        else store.showProblem(event.message);
      },
      onProblem: (error) => store.showProblem(error.message),
    });
  }
}

function onEdge(event: EdgeEvent): void {
  switch (event.kind) {
    case "engine":
      store.engine.value = event.engine;
      return;
    case "shards":
      store.shards.value = event.shards;
      return;
    case "calibration":
      store.calibration.value = event.calibration;
      return;
    case "problem":
      store.showProblem(event.message);
      return;
    case "lost":
      store.engine.value = null;
      store.showProblem(`${event.message}; another engine takes its place`);
      return;
    default:
      event satisfies never;
  }
}

/** Writes what people see. */
const screen: Screen = {
  picture(image, label) {
    const shown = store.picture.value?.url;
    if (shown?.startsWith("blob:")) URL.revokeObjectURL(shown);
    batch(() => {
      store.picture.value = { url: image === null ? null : URL.createObjectURL(image), label };
      store.answer.value = null;
      if (image !== null) store.camera.value = "closed";
    });
  },
  answer(answer) {
    store.answer.value = answer;
  },
  problem(error) {
    if (error.code !== "cancelled") store.showProblem(error.message, true);
  },
  chosen: store.closePassingProblems,
  busy(underWay) {
    store.underWay.value = underWay;
  },
};

async function fetchSample(url: string, label: string, signal: AbortSignal): Promise<Blob> {
  try {
    const init = { signal };
    const { response, chunks } = await receive(url, { init, traffic, fetch: (...asked) => fetch(...asked) });
    const { ok, status, headers } = response;
    if (!ok) throw new EddiError("unavailable", `${url}: got HTTP ${status}`);
    return new Blob(chunks as Uint8Array<ArrayBuffer>[], { type: headers.get("content-type") ?? "" });
  } catch (thrown) {
    throw new EddiError("unavailable", `sample ${label}: ${toEddiError(thrown).message}`, { cause: thrown });
  }
}

/** What a video shows now, as a file. */
async function photoOf(video: HTMLVideoElement): Promise<Blob> {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  const photo = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", 0.95));
  if (photo === null) throw new EddiError("unavailable", "camera: expected a picture, got none yet");
  return photo;
}
