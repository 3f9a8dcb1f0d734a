import { batch } from "@preact/signals";
import { EddiError, toEddiError } from "#shared/errors";
import type { Answer, AnswerOptions, EdgeEvent, ImageSource, Timing } from "../edge/conversation.ts";
import { receive } from "../link/receive.ts";
import { traffic } from "../link/traffic.ts";
import { type Ask, answerPicture } from "./answer-picture.ts";
import { addressFor, chooseModel, fetchModels, offered } from "./choose-model.ts";
import { addressWithKey } from "./key.ts";
import { PictureQueue, type PictureState } from "./picture-queue.ts";
import { Session } from "./session.ts";
import type { PageSettings } from "./settings.ts";
import * as store from "./store.ts";
import { tabMemory } from "./tab-memory.ts";

/** What the page can do: the one place that joins the session to what is shown. */
export class Controller {
  private readonly settings: PageSettings & { readonly key: string | null };
  private readonly session: Promise<Session>;
  private shown: string | null = null;
  /** The small pictures to choose from. */
  readonly pictures = new PictureQueue((state) => this.tellPicture(state));

  /** @param settings the address' own, and the key for the service */
  constructor(settings: PageSettings & { readonly key: string | null }) {
    this.settings = settings;
    store.budgetMs.value = settings.budgetMs;
    this.session = this.start();
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

  /** What the live camera is to do. */
  get liveFps(): number | null {
    return this.settings.framesPerSecond;
  }

  /**
   * Answers an image and shows the answer; of a file the picture too.
   *
   * @param label what the picture is said to show
   * @throws EddiError of the edge; it is shown too
   */
  async answer(
    image: ImageSource,
    options: Partial<AnswerOptions> = {},
    signal?: AbortSignal,
    label: string | null = null,
  ): Promise<Answer> {
    store.underWay.value += 1;
    try {
      const session = await this.session;
      const ask: Ask = (source, opened) => {
        const how = opened === undefined ? options : { ...options, opened };
        return session.answer(source, { budgetMs: store.budgetMs.value, ...how }, signal);
      };
      const show = (file: Blob): void => this.show(URL.createObjectURL(file), label);
      const answer = image instanceof Blob ? await answerPicture(image, ask, show) : await ask(image);
      store.answer.value = answer;
      return answer;
    } catch (thrown) {
      const error = toEddiError(thrown);
      if (error.code !== "cancelled") store.showProblem(error.message, true);
      throw error;
    } finally {
      store.underWay.value -= 1;
    }
  }

  /** A file that the user chose, dropped or pasted. What is refused is said; nothing is thrown. */
  async answerFile(file: Blob, label: string | null = null): Promise<void> {
    store.closePassingProblems();
    try {
      await this.answer(file, {}, undefined, label);
    } catch (thrown) {
      const { code, message } = toEddiError(thrown);
      if (code === "bad-image" || code === "too-large") this.show(null, null);
      store.showProblem(message, true);
    }
  }

  async answerSample({ url, label, file }: store.Sample): Promise<void> {
    try {
      await this.answerFile(file ?? (await fetchPhoto(url)), label);
    } catch (thrown) {
      store.showProblem(`sample ${label}: ${toEddiError(thrown).message}`);
    }
  }

  /** A photo taken with the camera, which closes: the photo stays on show. */
  async answerPhoto(video: HTMLVideoElement): Promise<void> {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    const photo = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", 0.95));
    if (photo === null) store.showProblem("camera: expected a picture, got none yet", true);
    else await this.answerFile(photo);
  }

  /** One frame of the live camera. */
  async answerFrame(video: HTMLVideoElement, signal: AbortSignal): Promise<void> {
    const frame = await createImageBitmap(video);
    await this.answer(frame, {}, signal);
  }

  /** Puts a picture on show instead of the one before. */
  show(url: string | null, label: string | null): void {
    if (this.shown?.startsWith("blob:")) URL.revokeObjectURL(this.shown);
    this.shown = url;
    batch(() => {
      store.picture.value = { url, label };
      store.answer.value = null;
      if (url !== null) store.camera.value = "closed";
    });
  }

  private tellPicture(state: PictureState): void {
    this.session.then((session) => session.setPicture(state)).catch(() => {});
  }

  private async start(): Promise<Session> {
    const { model, budgetMs, ...settings } = this.settings;
    const names = fetchModels();
    names.then((found) => (store.models.value = offered(found))).catch(() => {});
    const id = model ?? chooseModel(await names);
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
      return;
    default:
      event satisfies never;
  }
}

async function fetchPhoto(url: string): Promise<Blob> {
  const { response, chunks } = await receive(url, { traffic, fetch: (...asked) => fetch(...asked) });
  const { ok, status, headers } = response;
  if (!ok) throw new EddiError("unavailable", `${url}: got HTTP ${status}`);
  return new Blob(chunks as Uint8Array<ArrayBuffer>[], { type: headers.get("content-type") ?? "" });
}
