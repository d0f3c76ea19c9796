/** This machine's own allocators, as `kmem live --web` streams them. */
import type { JSX } from "preact";

/** The page. */
export function LiveView(): JSX.Element {
  return <div class="live">{null}</div>;
}
