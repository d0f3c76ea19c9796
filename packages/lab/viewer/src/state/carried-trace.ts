/** A recording that the page itself carries: what `kmem report` writes into its one file. */
import type { Source } from "../worker/protocol.ts";

/** The id of the element whose text is the recording, in base64; its name stands in `data-name`. */
const ELEMENT_ID = "carried-trace";

/** The recording, or null where the page carries none. */
export function carriedTrace(): Source | null {
  const element = document.getElementById(ELEMENT_ID);
  if (element === null) return null;
  const text = atob(element.textContent ?? "");
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return { kind: "file", name: element.dataset["name"] ?? "recording", bytes: bytes.buffer };
}
