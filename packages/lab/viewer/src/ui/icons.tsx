/** Icons of the controls: drawn here, so that no font needs to have them. */
import type { JSX } from "preact";

const PATHS = {
  start: "M3 3h2v10H3zM13 3v10L6 8z",
  end: "M11 3h2v10h-2zM3 3v10l7-5z",
  back: "M11 3v10L4 8z",
  on: "M5 3v10l7-5z",
  play: "M4 2v12l10-6z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  minus: "M3 7h10v2H3z",
  plus: "M7 3h2v4h4v2H9v4H7V9H3V7h4z",
  whole: "M2 2h5v2H4v3H2zM9 2h5v5h-2V4H9zM2 9h2v3h3v2H2zM12 9h2v5H9v-2h3z",
  close: "M4.4 3 8 6.6 11.6 3 13 4.4 9.4 8l3.6 3.6-1.4 1.4L8 9.4 4.4 13 3 11.6 6.6 8 3 4.4z",
  sun: "M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM7 1h2v2H7zM7 13h2v2H7zM1 7h2v2H1zM13 7h2v2h-2zM2.6 4 4 2.6l1.4 1.4L4 5.4zM10.6 12l1.4-1.4 1.4 1.4-1.4 1.4zM2.6 12 4 10.6 5.4 12 4 13.4zM10.6 4 12 2.6 13.4 4 12 5.4z",
  moon: "M9.5 2A6 6 0 1 0 14 10.5 5 5 0 0 1 9.5 2z",
} as const;

/** One icon, as large as the text beside it. */
export function Icon({ name }: { readonly name: keyof typeof PATHS }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
