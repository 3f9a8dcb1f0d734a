import { batch } from "@preact/signals";
import type { Screen } from "../choice/answering.ts";
import { withAnswer } from "../words/live-shares.ts";
import { askedOf } from "./asked.ts";
import { Rate } from "./rate.ts";
import * as store from "./store.ts";

const rate = new Rate();

/** Writes what people see of answers. */
export const screen: Screen = {
  picture(image, label) {
    const shown = store.picture.value?.url;
    if (shown?.startsWith("blob:")) URL.revokeObjectURL(shown);
    batch(() => {
      store.picture.value = { url: image === null ? null : URL.createObjectURL(image), label };
      store.answer.value = null;
      store.compared.value = null;
      store.provisional.value = null;
      if (image !== null) store.camera.value = "closed";
    });
  },
  answer(answer) {
    batch(() => {
      store.asked.value = askedOf(answer);
      store.answer.value = answer;
      store.compared.value = null;
      store.provisional.value = null;
      if (store.camera.value !== "live") return;
      store.livePerSecond.value = rate.next(performance.now());
      store.liveAnswers.value = withAnswer(store.liveAnswers.value, answer);
    });
  },
  provisional(early) {
    store.provisional.value = early;
  },
  problem(error) {
    if (error.code !== "cancelled") store.showProblem(error.message, true);
  },
  chosen: store.closePassingProblems,
  busy(underWay) {
    store.underWay.value = underWay;
  },
};
