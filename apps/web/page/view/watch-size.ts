import { areSamplesOpen, isWide } from "../control/store.ts";

/** As in `sizes.css`: room for two columns. */
const WIDE = "(min-width: 43.75em) and (orientation: landscape), (min-width: 56.25em)";
const TALL = "(min-height: 37.5em)";

/** Follows the size of the window: where there is room, nothing is folded. */
export function watchSize(): void {
  const [wide, tall] = [matchMedia(WIDE), matchMedia(TALL)];
  const follow = (): void => {
    isWide.value = wide.matches && tall.matches;
    if (isWide.value) areSamplesOpen.value = true;
  };
  wide.addEventListener("change", follow);
  tall.addEventListener("change", follow);
  follow();
}
