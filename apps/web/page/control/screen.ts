import { batch } from "@preact/signals";
import type { Screen } from "../choice/answering.ts";
import * as store from "./store.ts";

/** Writes what people see of answers. */
export const screen: Screen = {
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
