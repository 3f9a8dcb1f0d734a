import { EddiError } from "#shared/errors";
import type { Answer, ImageSource, OpenedPicture } from "../talk/edge.ts";
import { orAborted } from "../talk/within.ts";
import { checkOneOf, checkSwitch } from "./check.ts";
import {
  checkBudget,
  checkImage,
  checkLoad,
  checkMinAccuracy,
  checkOptions,
  checkSimulated,
  checkTiming,
} from "./check-arguments.ts";
import type { Client, ClientEvents } from "./client.ts";
import { Known } from "./known.ts";
import { Listeners } from "./listeners.ts";
import { type ClientOptions, checkClient, type Objectives } from "./options.ts";
import { answerPicture } from "./picture/answer-picture.ts";
import { Session } from "./session.ts";

/** A row each, so that the compiler tells which is missing. */
const EVENTS: Readonly<Record<keyof ClientEvents, true>> = {
  model: true,
  engine: true,
  progress: true,
  profiling: true,
  drift: true,
  plan: true,
  conditions: true,
  objectives: true,
  simulated: true,
  hold: true,
  answering: true,
  problem: true,
};

/**
 * Starts a client of a service: two workers, which fetch the model and measure device and link at once.
 *
 * @throws EddiError `bad-argument`, naming the option, what was expected and what came
 */
export function createClient(options: ClientOptions): Client {
  const checked = checkClient(options);
  const listeners = new Listeners<ClientEvents>(Object.keys(EVENTS) as (keyof ClientEvents)[]);
  const known = new Known(listeners, checked.objectives);
  const session = new Session(checked, known);
  const { optimizer } = session;
  const closing = new AbortController();

  const setObjectives = (change: Partial<Objectives>): void => {
    if (closing.signal.aborted) return;
    const objectives = { ...known.objectives, ...change };
    optimizer.setObjectives(objectives);
    known.setObjectives(objectives);
  };

  const answer: Client["answer"] = async (given, how) => {
    const image = checkImage(given);
    const { options: asked, signal, onPicture, onProvisional } = checkOptions(how);
    closing.signal.throwIfAborted();
    let picture: Blob | null = null;
    const show = (shown: Blob): void => {
      picture = shown;
      onPicture?.(shown);
    };
    const ask = async (source: ImageSource, opened?: OpenedPicture): Promise<Answer> => {
      const { budgetMs, phoneOnly } = known.objectives;
      const options = { budgetMs, ...asked, ...(opened && { opened }), ...(phoneOnly && { phoneOnly }) };
      return session.answer(source, options, { signal, onProvisional });
    };
    const answered = image instanceof Blob ? answerPicture(image, ask, show) : ask(image);
    const settled = orAborted(orAborted(answered, signal), closing.signal);
    listeners.emit("answering", { image, picture: () => picture, answer: settled });
    return settled;
  };

  return {
    ready: session.ready,
    answer,
    time: async (what) => session.time(checkTiming(what)),
    settle: () => session.settle(),
    on: (name, listener) => listeners.on(name, listener),
    setBudget: (budgetMs) => setObjectives({ budgetMs: checkBudget(budgetMs) }),
    setLoad: (framesPerSecond) => setObjectives({ framesPerSecond: checkLoad(framesPerSecond) }),
    setMinAccuracy: (minAccuracy) => setObjectives({ minAccuracy: checkMinAccuracy(minAccuracy) }),
    setPhoneOnly: (phoneOnly) => setObjectives({ phoneOnly: checkSwitch("phoneOnly", phoneOnly) }),
    setEarlyExits: (earlyExits) => setObjectives({ earlyExits: checkSwitch("earlyExits", earlyExits) }),
    setVisible: (isVisible) => optimizer.setVisible(checkOneOf("isVisible", [true, false], isVisible)),
    setDownloading: (state) => {
      optimizer.setDownloading(checkOneOf("state", ["loading", "loaded", "failed"] as const, state));
    },
    simulate: (conditions) => {
      const simulated = checkSimulated(conditions);
      if (closing.signal.aborted) return;
      session.simulate(simulated);
      known.setSimulated(simulated);
    },
    imagine: async (what) => optimizer.imagine(what),
    phaseMap: async (what, signal) => optimizer.phaseMap(what, signal),
    nodes: async () => optimizer.nodes(),
    trace: async () => optimizer.trace(),
    state: () => known.state,
    close: () => {
      if (closing.signal.aborted) return;
      const reason = new EddiError("cancelled", "the client was closed");
      closing.abort(reason);
      listeners.clear();
      session.close(reason);
    },
  };
}
