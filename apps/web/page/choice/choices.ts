import { EddiError } from "#shared/errors";

/** Something that is to be answered and shown. */
export interface Choice {
  /** Aborts when something newer is chosen. */
  readonly signal: AbortSignal;
  /** Whether nothing newer has been chosen or shown. */
  readonly isNewest: boolean;
  /** Takes the place of all that is older. @returns false when something newer has it: then nothing is to be shown */
  show(): boolean;
}

/**
 * What has been chosen, in order. The newest wins whenever its answer comes: the choice before it is cancelled, and
 * what comes late from before goes nowhere.
 */
export class Choices {
  private count = 0;
  /** Number of what is on show. */
  private shown = 0;
  private current = new AbortController();

  /** A user's choice: it is on show from now on, and the one before is cancelled. */
  choose(): Choice {
    this.count += 1;
    this.take(this.count, new AbortController());
    return this.choice(this.count, this.current);
  }

  /** One of several that a choice consists of, such as the frames of a camera. It ends with the choice. */
  next({ signal }: Choice): Choice {
    this.count += 1;
    return this.choice(this.count, signal === this.current.signal ? this.current : aborted(signal));
  }

  /** Asked by the way: on show only when it is answered. Nobody cancels it. */
  ask(): Choice {
    this.count += 1;
    return this.choice(this.count, new AbortController());
  }

  private choice(at: number, controller: AbortController): Choice {
    const isNewest = (): boolean => at >= this.shown && !controller.signal.aborted;
    return {
      signal: controller.signal,
      get isNewest() {
        return isNewest();
      },
      show: () => {
        if (!isNewest()) return false;
        this.take(at, controller);
        return true;
      },
    };
  }

  private take(at: number, controller: AbortController): void {
    this.shown = at;
    if (controller === this.current) return;
    this.current.abort(new EddiError("cancelled", "something newer was chosen"));
    this.current = controller;
  }
}

function aborted({ reason }: AbortSignal): AbortController {
  const controller = new AbortController();
  controller.abort(reason);
  return controller;
}
