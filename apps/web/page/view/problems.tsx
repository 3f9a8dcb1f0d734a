import { closeProblem, problems } from "../control/store.ts";
import { Icon } from "./icon.tsx";

/** What went wrong, until the user has read it. It lies over the picture, so that nothing else moves. */
export function Problems() {
  return (
    <div class="problems" role="alert">
      {problems.value.map(({ id, message }) => (
        <div key={id}>
          <span class="text">{message}</span>
          <button type="button" class="tap" aria-label="Close this message" onClick={() => closeProblem(id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
