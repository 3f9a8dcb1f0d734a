import { type EddiError, toEddiError } from "#shared/errors";
import type { Answering as Asked } from "../../client/index.ts";
import type { Answer, ImageSource, Provisional } from "../../talk/edge.ts";
import { orAborted } from "../../talk/within.ts";
import { type Choice, Choices } from "./choices.ts";

/** What people see of answers. A picture and its answer belong together: a new picture has none yet. */
export interface Screen {
  /** @param image null where there is none to show: the camera's, or the values of an input */
  picture(image: Blob | null, label: string | null): void;
  answer(answer: Answer): void;
  /** One that stands until the answer comes. */
  provisional(answer: Provisional): void;
  /** About what was chosen last: it goes with the next choice. */
  problem(error: EddiError): void;
  /** Another choice: what was said of the one before is over. */
  chosen(): void;
  /** @param underWay images that are being answered */
  busy(underWay: number): void;
}

/**
 * Answers an image.
 *
 * @param show called with what a file shows, once it is known to be a picture
 * @param tellProvisional called with answers that stand until a better one comes
 * @throws EddiError `bad-image` or `too-large` for what is none
 */
export type Ask = (
  image: ImageSource,
  signal: AbortSignal,
  show: (picture: Blob) => void,
  tellProvisional: (answer: Provisional) => void,
) => Promise<Answer>;

type Rest<T extends readonly unknown[]> = T extends [unknown, ...infer Others] ? Others : never;

/** Has pictures answered, and sees to it that an answer stands under its own picture, whatever comes when. */
export class Answering {
  private readonly ask: Ask;
  private readonly screen: Screen;
  private readonly choices = new Choices();
  /** Images that are asked about here. */
  private readonly own = new WeakSet<ImageSource>();
  private underWay = 0;
  /** What was chosen last. */
  private latest: Choice | null = null;

  constructor(ask: Ask, screen: Screen) {
    this.ask = ask;
    this.screen = screen;
  }

  /**
   * Answers a picture that the user has chosen. What goes wrong is said; nothing is thrown.
   *
   * @param load gets the file
   * @param label what it is said to show, if anybody says
   */
  async choose(load: (signal: AbortSignal) => Promise<Blob>, label: string | null): Promise<void> {
    const choice = this.choices.choose();
    this.latest = choice;
    const { signal } = choice;
    this.screen.chosen();
    try {
      const file = await orAborted(load(signal), signal);
      const show = (picture: Blob): void => {
        if (choice.isNewest) this.screen.picture(picture, label);
      };
      const answer = await this.run(file, signal, show, (early) => {
        if (choice.isNewest) this.screen.provisional(early);
      });
      if (choice.show()) this.screen.answer(answer);
    } catch (thrown) {
      if (!choice.isNewest) return;
      const error = toEddiError(thrown);
      if (error.code === "bad-image" || error.code === "too-large") this.screen.picture(null, null);
      this.screen.problem(error);
    }
  }

  /** Answers the picture on show again; it stays there, and so does its answer until the other one comes. */
  async again(load: () => Promise<Blob>): Promise<void> {
    const choice = this.choices.choose();
    this.latest = choice;
    const nothing = (): void => {};
    this.screen.chosen();
    try {
      const answer = await this.run(await load(), choice.signal, nothing, nothing);
      if (choice.show()) this.screen.answer(answer);
    } catch (thrown) {
      if (choice.isNewest) this.screen.problem(toEddiError(thrown));
    }
  }

  /**
   * Answers the picture on show in another way, to compare: what is on show stays.
   *
   * @param ask about the very picture that was chosen
   * @returns null where something newer was chosen, or there is no answer that way
   */
  async beside(ask: (signal: AbortSignal) => Promise<Answer>): Promise<Answer | null> {
    const choice = this.latest;
    if (choice?.isNewest !== true) return null;
    this.screen.busy(++this.underWay);
    try {
      const answer = await ask(choice.signal);
      return choice.isNewest ? answer : null;
    } catch {
      return null;
    } finally {
      this.screen.busy(--this.underWay);
    }
  }

  /** Begins with something that is chosen without a picture: the camera, or nothing. */
  chooseNone(): Choice {
    const choice = this.choices.choose();
    this.screen.chosen();
    this.screen.picture(null, null);
    return choice;
  }

  /** Nothing is to be answered any more; what is on show stays. */
  stop(): void {
    this.choices.choose();
  }

  /**
   * Answers one frame of a camera. Frames may overlap; one that is overtaken is not shown.
   *
   * @param live the choice that they all belong to
   * @throws EddiError of the edge; it is said too, unless the frame was overtaken
   */
  async frame(live: Choice, grab: () => Promise<ImageBitmap | VideoFrame>): Promise<void> {
    const frame = this.choices.next(live);
    try {
      frame.signal.throwIfAborted();
      const bitmap = await grab();
      try {
        frame.signal.throwIfAborted();
        const nothing = (): void => {};
        const answer = await this.run(bitmap, frame.signal, nothing, nothing);
        if (frame.show()) this.screen.answer(answer);
      } finally {
        bitmap.close();
      }
    } catch (thrown) {
      const error = toEddiError(thrown);
      if (frame.isNewest) this.screen.problem(error);
      throw error;
    }
  }

  /**
   * A script has asked. People see both picture and answer once it is there, unless something newer was chosen
   * meanwhile; failures are the script's alone.
   */
  async follow({ image, picture, answer }: Asked): Promise<void> {
    if (this.own.has(image)) return;
    const choice = this.choices.ask();
    this.screen.busy(++this.underWay);
    try {
      const came = await answer;
      if (!choice.show()) return;
      this.screen.chosen();
      this.screen.picture(picture(), null);
      this.screen.answer(came);
    } catch {
      // Whoever has asked hears of it.
    } finally {
      this.screen.busy(--this.underWay);
    }
  }

  private async run(image: ImageSource, ...how: Rest<Parameters<Ask>>): Promise<Answer> {
    this.own.add(image);
    this.screen.busy(++this.underWay);
    try {
      return await this.ask(image, ...how);
    } finally {
      this.screen.busy(--this.underWay);
    }
  }
}
