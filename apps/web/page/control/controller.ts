import { EddiError, toEddiError } from "#shared/errors";
import type { Plan } from "#shared/model";
import type {
  Client,
  Imagined,
  Imagining,
  PhaseMap,
  PhaseMapRequest,
  SimulatedConditions,
} from "../../client/index.ts";
import type { Service } from "../../service/service.ts";
import { Answering } from "../choice/answering.ts";
import { showCamera } from "../choice/camera.ts";
import { NO_TOOLS, nextCamera, setTool, toolsOf } from "../choice/camera-tools.ts";
import { answerLive, grabFrame } from "../choice/live.ts";
import { PictureQueue } from "../choice/picture-queue.ts";
import { addressFor } from "../settings/choose-model.ts";
import { addressWithKey } from "../settings/key.ts";
import { addressWith, type LiveRate, type PageSettings } from "../settings/settings.ts";
import { tabMemory } from "../settings/tab-memory.ts";
import type { ModelFacts } from "../words/model-words.ts";
import { keepAsked } from "./asked.ts";
import { forgetAll } from "./keep-page.ts";
import { modelFacts } from "./model-facts.ts";
import { fetchSample } from "./samples.ts";
import { screen } from "./screen.ts";
import * as store from "./store.ts";
import { Visit } from "./visit.ts";

/** What people can do on the page: the one place that joins the client to what is shown. */
export class Controller {
  private readonly client: Client;
  private readonly service: Service;
  private readonly key: string | null;
  private readonly answering: Answering;
  /** Ends the classifying of frames; null while there is none. */
  private live: AbortController | null = null;
  /** The photo on show, to be answered again. */
  private file: Blob | null = null;
  /** What the camera shows itself in while it is open. */
  private video: HTMLVideoElement | null = null;
  /** Its track, and what releases it. */
  private track: MediaStreamTrack | null = null;
  private showing = new AbortController();
  private readonly visit: Visit;
  /** The small pictures to choose from. */
  readonly pictures: PictureQueue;

  /**
   * @param client which everything is asked of
   * @param service the client's, for photos
   * @param settings the address' own, and the key for the service
   */
  constructor(
    client: Client,
    service: Service,
    settings: Pick<PageSettings, "framesPerSecond"> & { readonly key: string | null },
  ) {
    this.client = client;
    this.service = service;
    this.key = settings.key;
    store.liveRate.value = settings.framesPerSecond;
    this.visit = new Visit(client);
    this.pictures = new PictureQueue((state) => client.setDownloading(state));
    this.answering = new Answering(
      (image, signal, onPicture, onProvisional) =>
        client.answer(image, { signal, onPicture, onProvisional, ...this.pinnedPlan() }),
      screen,
    );
    client.on("answering", (asked) => {
      keepAsked(asked, client.state().summary);
      void this.answering.follow(asked);
    });
    client.on("hold", (isHeld) => this.pictures.hold("probe", isHeld));
    service.traffic.listener = {
      onWire: (isOn) => client.setDownloading(isOn ? "loading" : "loaded"),
      onArrival: () => {},
    };
    store.busy.subscribe((isBusy) => this.pictures.hold("image", isBusy));
    document.addEventListener("visibilitychange", () => {
      client.setVisible(document.visibilityState === "visible");
    });
  }

  setBudget(budgetMs: number): void {
    this.client.setBudget(budgetMs);
    this.keepObjectives();
  }

  /** @param minAccuracy wanted as fast as can be; null: the best within the limit */
  setMinAccuracy(minAccuracy: number | null): void {
    this.client.setMinAccuracy(minAccuracy);
    this.keepObjectives();
  }

  /** A split that was chosen may send something: it is so no longer. */
  setPhoneOnly(phoneOnly: boolean): void {
    this.client.setPhoneOnly(phoneOnly);
    if (phoneOnly && store.pinned.value !== null) void this.pin(null);
    this.keepObjectives();
  }

  setEarlyExits(earlyExits: boolean): void {
    this.client.setEarlyExits(earlyExits);
    this.keepObjectives();
  }

  /** Of the live camera, the next time that it is live. */
  setLiveRate(rate: LiveRate): void {
    store.liveRate.value = rate;
    this.keepObjectives();
  }

  /** In the address: for the next visit, and for another model. */
  private keepObjectives(): void {
    const framesPerSecond = store.liveRate.value;
    const address = addressWith({ ...this.client.state(), framesPerSecond }, location.href);
    history.replaceState(history.state, "", address);
  }

  /** What the model's nodes take now, for those who look at them. */
  async learnNodes(): Promise<void> {
    store.nodeFacts.value = await this.client.nodes().catch(() => store.nodeFacts.value);
  }

  /** What would be planned, or cost, in each of these cases; none where nobody can tell. */
  imagine(cases: readonly Imagining[]): Promise<readonly Imagined[]> {
    return Promise.all(cases.map((one) => this.client.imagine(one))).catch(() => []);
  }

  /** What would be planned over a plane of conditions; null where that was given up or nobody can tell. */
  phaseMap(what: PhaseMapRequest, signal: AbortSignal): Promise<PhaseMap | null> {
    return this.client.phaseMap(what, signal).catch(() => null);
  }

  /** Photos wait as they would in these conditions from now on, so that all is as there; null: as it is. */
  tryConditions(conditions: SimulatedConditions | null): void {
    this.client.simulate(conditions);
  }

  /**
   * Splits the model as the user says from now on, or as is best: the photo on show is answered again, and as the Optimizer
   * would beside it.
   */
  async pin(plan: Pick<Plan, "exit" | "head"> | null): Promise<void> {
    const [own] = plan === null ? [] : await this.imagine([{ plan }]);
    store.pinned.value = own ?? null;
    const { file } = this;
    if (file === null) return;
    await this.answering.again(() => Promise.resolve(file));
    await this.compare();
  }

  private pinnedPlan(): { readonly plan?: Plan } {
    const plan = store.pinned.value?.plan ?? null;
    return plan === null ? {} : { plan };
  }

  /** Answers the photo on show as the Optimizer would, where the user has chosen otherwise. */
  private async compare(): Promise<void> {
    const { file } = this;
    const own = store.answer.value;
    if (file === null || own === null || store.pinned.value === null) return;
    const chosen = await this.answering.beside((signal) => this.client.answer(file, { signal }));
    if (chosen !== null && store.answer.value === own) store.compared.value = { own, chosen };
  }

  /** Where this page opens anew with another model. */
  addressFor(model: string): string {
    return addressWithKey(addressFor(model, location.href), this.key, tabMemory());
  }

  /** What there is to say of a model; null where nobody tells. */
  modelFacts(model: string): Promise<ModelFacts | null> {
    return modelFacts(this.service, model);
  }

  /** This visit as a file; null before there is anything to tell. */
  visitFile(): Promise<Blob | null> {
    return this.visit.file().catch(() => null);
  }

  /**
   * Shows a visit that was saved. What reads it is fetched now.
   *
   * @throws EddiError `bad-argument` for a file that is none
   */
  async openVisit(file: Blob): Promise<void> {
    const text = await file.text();
    const { openVisit } = await import("./open-visit.ts");
    store.openedVisit.value = openVisit(text);
  }

  /** Removes all that is kept on this device. */
  forgetAll(): Promise<void> {
    return forgetAll(this.service);
  }

  /** A file that the user chose, dropped or pasted. What is refused is said; nothing is thrown. */
  answerFile(file: Blob, label: string | null = null): Promise<void> {
    return this.choose(async () => file, label);
  }

  answerSample(sample: store.Sample): Promise<void> {
    store.areSamplesOpen.value = store.isWide.value;
    const load = async (signal: AbortSignal) => sample.file ?? fetchSample(this.service, sample, signal);
    return this.choose(load, sample.label);
  }

  /** A photo taken with the camera, which closes: the photo stays on show. */
  takePhoto(): Promise<void> {
    const { video } = this;
    if (video === null) return Promise.resolve();
    return this.choose(() => photoOf(video), null);
  }

  private async choose(load: (signal: AbortSignal) => Promise<Blob>, label: string | null): Promise<void> {
    this.file = null;
    const keep = async (signal: AbortSignal): Promise<Blob> => {
      const file = await load(signal);
      this.file = file;
      return file;
    };
    await this.answering.choose(keep, label);
    await this.compare();
  }

  /** Samples make room where it is narrow: they do not come back under the finger when the picture is taken, which takes a while. */
  openCamera(): void {
    this.answering.chooseNone();
    store.areSamplesOpen.value = store.isWide.value;
    store.camera.value = "open";
  }

  closeCamera(): void {
    this.answering.chooseNone();
    store.camera.value = "closed";
  }

  /** Shows the camera until what is returned is called. */
  showCamera(video: HTMLVideoElement): () => void {
    this.video = video;
    this.openOn(video, null);
    return () => {
      this.showing.abort();
      this.endLive();
      this.video = null;
      this.track = null;
      store.cameraTools.value = NO_TOOLS;
      store.isCameraPlaying.value = false;
      store.cameraMuted.value = null;
    };
  }

  private openOn(video: HTMLVideoElement, deviceId: string | null): void {
    this.showing.abort();
    const showing = new AbortController();
    this.showing = showing;
    const listener = {
      onEnded: (reason: string) => this.cameraEnded(reason),
      onOpened: (track: MediaStreamTrack) => this.cameraOpened(track),
      onMuted: (reason: string | null) => this.cameraMuted(reason),
    };
    showCamera(video, listener, deviceId, showing.signal).catch((thrown: unknown) => {
      if (!showing.signal.aborted) this.cameraEnded(toEddiError(thrown).message);
    });
  }

  private cameraOpened(track: MediaStreamTrack): void {
    this.track = track;
    void this.learnTools(track);
  }

  /** What a camera can do is wanted for buttons only: one that does not tell has none. */
  private async learnTools(track: MediaStreamTrack): Promise<void> {
    const tools = await toolsOf(track).catch(() => NO_TOOLS);
    if (this.track === track) store.cameraTools.value = tools;
  }

  /** Shows what the next camera sees, live if it was. */
  async switchCamera(): Promise<void> {
    const { track, video } = this;
    const next = track === null ? null : await nextCamera(track);
    if (next !== null && video !== null && this.track === track) this.openOn(video, next);
  }

  /** Its light, or how near it looks. What it cannot do is said. */
  async setCameraTool(tool: { torch: boolean } | { zoom: number }): Promise<void> {
    const { track } = this;
    if (track === null) return;
    try {
      await setTool(track, tool);
    } catch (thrown) {
      store.showProblem(`camera: ${(thrown as Error).message}`, true);
    }
    await this.learnTools(track);
  }

  /** Classifies the camera's pictures all the time, until something else is chosen. */
  startLive(): void {
    const { video } = this;
    if (video === null) return;
    const rate = store.liveRate.value;
    const choice = this.answering.chooseNone();
    const live = new AbortController();
    choice.signal.addEventListener("abort", () => this.endLive(), { once: true, signal: live.signal });
    this.live = live;
    store.camera.value = "live";
    this.client.setLoad(rate === "most" ? CAMERA_RATE : rate);
    answerLive(
      {
        video,
        framesPerSecond: rate === null ? null : () => (rate === "most" ? sustainedRate() : rate),
        answerFrame: () => this.answering.frame(choice, () => grabFrame(video)),
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
    this.client.setLoad(null);
    store.livePerSecond.value = null;
    store.liveAnswers.value = [];
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
}

/** As many photos a second as a camera gives: plans are then for as many of them as can be. */
const CAMERA_RATE = 30;
/** Before it is known what is sustained. */
const FIRST_RATE = 2;

/** What the plan for overlapping frames keeps up with. */
function sustainedRate(): number {
  const load = store.summary.value?.load ?? null;
  return load === null ? FIRST_RATE : Math.min(CAMERA_RATE, Math.max(load.planFps, 0.1));
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
