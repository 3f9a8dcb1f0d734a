import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

/** The width of an element in units of the text's size: large text makes a drawing of fewer, larger parts. */
export function useWidth(element: RefObject<HTMLElement | null>): {
  readonly width: number;
  readonly zoom: number;
} {
  const [size, setSize] = useState({ width: 0, zoom: 1 });
  useLayoutEffect(() => {
    const measure = (): void => {
      const pixels = element.current?.clientWidth ?? 0;
      const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
      const zoom = Math.max(1, Math.min(rem, pixels / 280));
      setSize({ width: Math.floor(pixels / zoom), zoom });
    };
    measure();
    const observer = new ResizeObserver(measure);
    if (element.current !== null) observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return size;
}
