import type { SavedVisit } from "#shared/planning";
import type { Answer, Client } from "../../client/index.ts";

/** The latest answers are told of. */
const MOST_ANSWERS = 500;

/** What happened to a picture: neither it nor what it shows. */
export type PlainAnswer = Omit<Answer, "scores" | "probabilities" | "label" | "confidence"> & {
  readonly atMs: number;
};

/** What happens on this visit, for those who want to look at it later, or to show it to others. */
export class Visit {
  private readonly client: Client;
  private answers: readonly PlainAnswer[] = [];

  constructor(client: Client) {
    this.client = client;
    client.on("answering", ({ answer }) => {
      answer.then((came) => this.add(came)).catch(() => {}); // Whoever has asked hears of it.
    });
  }

  /** @throws EddiError `unavailable` before a model is known */
  async file(): Promise<Blob> {
    const file: SavedVisit<PlainAnswer> = {
      format: "eddi-visit",
      settings: location.search,
      device: this.client.state().engine,
      answers: this.answers,
      planning: await this.client.trace(),
    };
    return new Blob([JSON.stringify(file)], { type: "application/json" });
  }

  private add({ scores: _, probabilities: __, label: ___, confidence: ____, ...others }: Answer): void {
    const one = { ...others, atMs: performance.now() };
    this.answers = [...this.answers.slice(1 - MOST_ANSWERS), one];
  }
}
