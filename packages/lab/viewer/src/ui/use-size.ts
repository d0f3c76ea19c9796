/** The size of an element, as it changes. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** A reference for the element, and its width and height in CSS pixels: 0 before it is laid out. */
export function useSize<Element extends HTMLElement>(): {
  readonly ref: { current: Element | null };
  readonly width: number;
  readonly height: number;
} {
  const ref = useRef<Element>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const measure = (): void => {
      const { clientWidth: width, clientHeight: height } = element;
      setSize((before) => (before.width === width && before.height === height ? before : { width, height }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { ref, ...size };
}
