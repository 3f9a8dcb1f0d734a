import { expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import type { Answer, ImageSource, Provisional } from "../../talk/edge.ts";
import { Answering, type Screen } from "./answering.ts";
import type { Choice } from "./choices.ts";

/** Something that is settled by the test. */
interface Pending {
  readonly image: ImageSource;
  readonly signal: AbortSignal | undefined;
  settle(isOk: boolean): void;
  suppose(label: string): void;
}

const answerOf = (of: unknown): Answer => ({ label: String(of) }) as Answer;
const failure = (of: unknown): EddiError => new EddiError("unavailable", `no answer: ${of}`);
const tick = (): Promise<void> => new Promise((done) => setImmediate(done));

/** An edge that answers when the test says so, and a screen that is looked at after each step. */
function setUp() {
  const pending: Pending[] = [];
  const screen = {
    shown: null as Blob | null,
    answer: null as string | null,
    problem: null as string | null,
    underWay: 0,
    answers: [] as string[],
    provisional: [] as string[],
  };
  const names = new Map<unknown, string>();
  const listener: Screen = {
    picture: (image) => Object.assign(screen, { shown: image, answer: null }),
    answer: ({ label }) => {
      screen.answer = label;
      screen.answers.push(label);
    },
    provisional: ({ label }) => screen.provisional.push(label),
    problem: ({ message }) => Object.assign(screen, { problem: message }),
    chosen: () => Object.assign(screen, { problem: null }),
    busy: (underWay) => Object.assign(screen, { underWay }),
  };
  const ask = (
    image: ImageSource,
    signal: AbortSignal | undefined,
    show: (picture: Blob) => void,
    tell: (early: Provisional) => void,
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      if (image instanceof Blob) show(image);
      if (signal?.aborted) reject(signal.reason);
      signal?.addEventListener("abort", () => reject(signal.reason));
      const settle = (isOk: boolean): void => {
        if (isOk) resolve(answerOf(names.get(image)));
        else reject(failure(names.get(image)));
      };
      const suppose = (label: string): void => tell({ label } as Provisional);
      pending.push({ image, signal, settle, suppose });
    });
  const asking = (...asked: Parameters<typeof ask>): Promise<Answer> => {
    const answer = ask(...asked);
    // A client tells of everything that is asked of it, the page's own images included.
    void answering.follow({ image: asked[0], picture: () => null, answer });
    return answer;
  };
  const answering = new Answering(asking, listener);
  /** Asks as a script does. */
  const script = (image: ImageSource): Promise<Answer> => {
    let picture: Blob | null = null;
    const take = (shown: Blob): void => {
      picture = shown;
    };
    const answer = ask(image, undefined, take, () => {});
    void answering.follow({ image, picture: () => picture, answer });
    return answer;
  };
  const named = <T>(image: T, name: string): T => {
    names.set(image, name);
    return image;
  };
  const settle = async (image: unknown, isOk: boolean): Promise<void> => {
    pending.find((one) => one.image === image)?.settle(isOk);
    await tick();
  };
  return { answering, script, screen, pending, names, named, settle };
}

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** All orders of the steps of several, each one's own steps in their order. */
function* orders(lengths: readonly number[]): Generator<readonly number[]> {
  if (lengths.every((length) => length === 0)) yield [];
  for (const [at, length] of lengths.entries()) {
    if (length === 0) continue;
    const rest = lengths.with(at, length - 1);
    for (const tail of orders(rest)) yield [at, ...tail];
  }
}

const PHOTOS = 3;
/** Chosen, then read, then answered: each may take any time. */
const STEPS = 3;

test("whatever comes first, a photo's answer stands under that photo, and the newest choice wins", async () => {
  let count = 0;
  for (const order of orders(Array.from({ length: PHOTOS }, () => STEPS))) {
    for (const fails of [null, 0, 1, 2]) {
      const { answering, screen, pending, named, settle } = setUp();
      const photos = Array.from({ length: PHOTOS }, (_, at) => named(new Blob([`${at}`]), `photo ${at}`));
      const reading = photos.map(() => deferred<Blob>());
      const done = photos.map(() => 0);
      const chosen: number[] = [];
      for (const at of order) {
        const step = done[at]!++;
        const photo = photos[at]!;
        if (step === 0) {
          void answering.choose(() => reading[at]!.promise, null);
          chosen.push(at);
        }
        if (step === 1) reading[at]!.resolve(photo);
        if (step === 2) await settle(photo, at !== fails);
        else await tick();
        const newest = chosen.at(-1)!;
        const shown = photos.indexOf(screen.shown!);
        if (screen.answer !== null) expect(screen.answer, `${order}`).toBe(`photo ${shown}`);
        if (screen.problem !== null) expect(screen.problem, `${order}`).toBe(`no answer: photo ${newest}`);
        for (const { image, signal } of pending) {
          expect(signal!.aborted, `${order}: ${at}`).toBe(photos.indexOf(image as Blob) !== newest);
        }
        count++;
      }
      const last = chosen.at(-1)!;
      // A photo that was read only after its answer was to come is still under way.
      const isAnswered = pending.some(({ image }) => image === photos[last]);
      expect(screen.shown, `${order}`).toBe(photos[last]);
      expect(screen.answer, `${order}`).toBe(isAnswered && fails !== last ? `photo ${last}` : null);
      expect(screen.problem, `${order}`).toBe(fails === last ? `no answer: photo ${last}` : null);
      expect(screen.underWay, `${order}`).toBe(0);
    }
  }
  expect(count).toBe(1680 * 4 * PHOTOS * STEPS);
});

test("frames of a camera never go back in time, whichever is answered first", async () => {
  const FRAMES = 4;
  for (const order of orders(Array.from({ length: FRAMES }, () => 1))) {
    for (const fails of [null, 0, FRAMES - 1]) {
      const { answering, screen, named, settle } = setUp();
      const live = answering.chooseNone();
      const closed: number[] = [];
      const frames = Array.from({ length: FRAMES }, (_, at) =>
        named({ close: () => closed.push(at) } as unknown as ImageBitmap, `${at}`),
      );
      const running = frames.map((frame) => answering.frame(live, async () => frame).catch(() => {}));
      await tick();
      for (const at of order) await settle(frames[at], at !== fails);
      await Promise.all(running);
      const times = screen.answers.map(Number);
      expect(times.toSorted(), `${order}`).toEqual(times);
      const newest = fails === FRAMES - 1 ? FRAMES - 2 : FRAMES - 1;
      expect(times.at(-1), `${order}`).toBe(newest);
      expect(closed.toSorted()).toEqual([0, 1, 2, 3]);
    }
  }
});

test("a frame that is grabbed late keeps its place", async () => {
  const { answering, screen, named, settle } = setUp();
  const live = answering.chooseNone();
  const early = named({ close() {} } as unknown as ImageBitmap, "early");
  const late = named({ close() {} } as unknown as ImageBitmap, "late");
  const grabbing = deferred<ImageBitmap>();
  const first = answering.frame(live, () => grabbing.promise);
  const second = answering.frame(live, async () => late);
  await tick();
  await settle(late, true);
  grabbing.resolve(early);
  await tick();
  await settle(early, true);
  await Promise.all([first, second]);
  expect(screen.answers).toEqual(["late"]);
});

test("a photo ends the live camera, and frames that come late go nowhere", async () => {
  const { answering, screen, pending, named, settle } = setUp();
  const live = answering.chooseNone();
  const frame = named({ close() {} } as unknown as ImageBitmap, "frame");
  const running = answering.frame(live, async () => frame);
  await tick();
  const photo = named(new Blob(["photo"]), "photo");
  void answering.choose(async () => photo, null);
  await expect(running).rejects.toMatchObject({ code: "cancelled" });
  await tick();
  expect(pending[0]!.signal!.aborted).toBe(true);
  await settle(frame, true);
  await expect(answering.frame(live, async () => frame)).rejects.toMatchObject({ code: "cancelled" });
  await settle(photo, true);
  expect(screen).toMatchObject({ shown: photo, answers: ["photo"], problem: null, underWay: 0 });
});

test("what is provisional is shown of the newest picture only", async () => {
  const { answering, screen, pending, named } = setUp();
  const [first, second] = [named(new Blob(["first"]), "first"), named(new Blob(["second"]), "second")];
  void answering.choose(async () => first, null);
  await tick();
  pending[0]!.suppose("a cat");
  void answering.choose(async () => second, null);
  await tick();
  pending[0]!.suppose("a dog");
  pending[1]!.suppose("a cow");
  expect(screen.provisional).toEqual(["a cat", "a cow"]);
});

test("what is no picture is refused before it is shown", async () => {
  const screen = { shown: [] as unknown[], problems: [] as string[] };
  const answering = new Answering(
    async () => {
      throw new EddiError("bad-image", "a text");
    },
    {
      picture: (image) => screen.shown.push(image),
      answer: () => {},
      provisional: () => {},
      problem: ({ message }) => screen.problems.push(message),
      chosen: () => {},
      busy: () => {},
    },
  );
  await answering.choose(async () => new Blob(["text"]), null);
  expect(screen).toEqual({ shown: [null], problems: ["a text"] });
});

test("a picture that is none is said, and is not shown; the one before it is cancelled all the same", async () => {
  const { answering, screen, pending, named } = setUp();
  const photo = named(new Blob(["photo"]), "photo");
  void answering.choose(async () => photo, null);
  await tick();
  await answering.choose(async () => Promise.reject(new EddiError("bad-image", "a text")), null);
  expect(pending[0]!.signal!.aborted).toBe(true);
  expect(screen).toMatchObject({ shown: null, answer: null, problem: "a text", underWay: 0 });
});

test("a script's failure is the script's: the page stays as it is", async () => {
  const { answering, script, screen, named, settle } = setUp();
  const photo = named(new Blob(["photo"]), "photo");
  void answering.choose(async () => photo, null);
  await tick();
  await settle(photo, true);
  const bad = named(new Blob(["bad"]), "bad");
  const asked = script(bad);
  expect(screen.answer).toBe("photo");
  const refused = expect(asked).rejects.toMatchObject({ code: "unavailable" });
  await settle(bad, false);
  await refused;
  expect(screen).toMatchObject({ shown: photo, answer: "photo", problem: null, underWay: 0 });
});

test("scripts may ask for many at once: all are answered, and the newest stays on show", async () => {
  for (const order of orders([1, 1, 1])) {
    const { script, screen, pending, named, settle } = setUp();
    const images = [0, 1, 2].map((at) => named(new Blob([`${at}`]), `${at}`));
    const answers = images.map((image) => script(image));
    for (const at of order) {
      await settle(images[at], true);
      expect(screen.answer).toBe(String(images.indexOf(screen.shown!)));
    }
    expect((await Promise.all(answers)).map(({ label }) => label)).toEqual(["0", "1", "2"]);
    expect(pending.some(({ signal }) => signal?.aborted)).toBe(false);
    expect(screen.answer).toBe("2");
  }
});

test("what the user chooses after a script has asked stays, what was chosen before gives way", async () => {
  for (const isUserFirst of [true, false]) {
    for (const order of [
      [0, 1],
      [1, 0],
    ] as const) {
      const { answering, script, screen, named, settle } = setUp();
      const mine = named(new Blob(["mine"]), "mine");
      const scripts = named(new Blob(["script"]), "script");
      const choose = () => void answering.choose(async () => mine, null);
      if (isUserFirst) choose();
      const asked = script(scripts);
      if (!isUserFirst) choose();
      await tick();
      for (const at of order) await settle([mine, scripts][at], true);
      expect((await asked).label).toBe("script");
      const [newest, image] = isUserFirst ? ["script", scripts] : ["mine", mine];
      expect(screen).toMatchObject({ answer: newest, shown: image, underWay: 0 });
    }
  }
});

test("stopping cancels what is under way and leaves what is on show", async () => {
  const { answering, screen, named, settle } = setUp();
  const live: Choice = answering.chooseNone();
  const frames = [0, 1].map((at) => named({ close() {} } as unknown as ImageBitmap, `${at}`));
  const running = frames.map((frame) => answering.frame(live, async () => frame));
  await tick();
  await settle(frames[0], true);
  answering.stop();
  await expect(running[1]).rejects.toMatchObject({ code: "cancelled" });
  expect(screen).toMatchObject({ answer: "0", problem: null, underWay: 0 });
});
