/** A picture that has not come after so long does not keep the next one waiting. */
const SLOW_MS = 30_000;
/** Nor do images, or probes of the link, longer than this. */
const PATIENCE_MS = 10_000;
/** Pictures this far out of view are loaded too. */
const MARGIN = "200px";

export type PictureState = "loading" | "loaded" | "failed";

/**
 * Loads the pictures that come into view one after the other, and none while something else goes first on the link:
 * browsers would load them all at once, and on a slow link every reply would wait behind them.
 */
export class PictureQueue {
  private readonly onState: (state: PictureState) => void;
  private readonly urls = new Map<Element, string>();
  private readonly wanted = new Set<HTMLImageElement>();
  private readonly observer: IntersectionObserver;
  private readonly holds = new Set<string>();
  private isLoading = false;
  private patience: ReturnType<typeof setTimeout> | null = null;

  /** @param onState told what becomes of each */
  constructor(onState: (state: PictureState) => void) {
    this.onState = onState;
    this.observer = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (isIntersecting) this.wanted.add(target as HTMLImageElement);
          else this.wanted.delete(target as HTMLImageElement);
        }
        this.next();
      },
      { rootMargin: MARGIN },
    );
  }

  /** Loads this picture into this element once it is in view. @returns forgets it */
  show(image: HTMLImageElement, url: string): () => void {
    this.urls.set(image, url);
    this.observer.observe(image);
    return () => this.forget(image);
  }

  /** Somebody goes first, or no longer. */
  hold(who: string, isHeld: boolean): void {
    if (isHeld) this.holds.add(who);
    else this.holds.delete(who);
    this.next();
  }

  private next(isOverdue = false): void {
    if (this.isLoading) return;
    const [image] = this.wanted;
    if (image === undefined) return;
    if (this.holds.size > 0 && !isOverdue) {
      this.patience ??= setTimeout(() => this.next(true), PATIENCE_MS);
      return;
    }
    clearTimeout(this.patience ?? undefined);
    this.patience = null;
    this.load(image, this.urls.get(image)!);
  }

  private load(image: HTMLImageElement, url: string): void {
    this.forget(image);
    this.isLoading = true;
    this.onState("loading");
    const end = (state: PictureState) => (): void => {
      clearTimeout(timer);
      image.onload = null;
      image.onerror = null;
      this.isLoading = false;
      this.onState(state);
      // Whoever has waited for this has a moment to say so.
      setTimeout(() => this.next());
    };
    const timer = setTimeout(end("failed"), SLOW_MS);
    image.onload = end("loaded");
    image.onerror = end("failed");
    image.src = url;
  }

  private forget(image: HTMLImageElement): void {
    this.observer.unobserve(image);
    this.wanted.delete(image);
    this.urls.delete(image);
  }
}
