/**
 * What this tab remembers until it is closed. A browser may refuse site data (then even to look at `sessionStorage`
 * throws), have none, or be full: then nothing is remembered, and nothing else is lost.
 */
export function tabMemory(
  open: () => Storage | undefined = () => sessionStorage,
): Pick<Storage, "getItem" | "setItem"> {
  return {
    getItem: (field) => {
      try {
        return open()?.getItem(field) ?? null;
      } catch {
        return null;
      }
    },
    setItem: (field, value) => {
      try {
        open()?.setItem(field, value);
      } catch {
        // Not remembered.
      }
    },
  };
}
