import { closeProblem, problems } from "../control/store.ts";

/** What went wrong, until the user has read it. */
export function Problems() {
  return (
    <div class="problems" role="alert">
      {problems.value.map(({ id, message }) => (
        <div key={id}>
          <span class="text">{message}</span>
          <button
            type="button"
            class="close"
            aria-label="Close this message"
            onClick={() => closeProblem(id)}
          >
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
