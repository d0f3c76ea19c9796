import { clearLine, cursorTo } from "node:readline";

/** One line that says what is going on, written over again and again, and gone at the end. */
export interface StatusLine {
  show(text: string): void;
  clear(): void;
}

/** No line at all. */
export const noStatusLine: StatusLine = { show: () => {}, clear: () => {} };

/** A line on `stream`, or none where it is not a terminal. It changes no terminal setting. */
export function terminalStatusLine(stream: NodeJS.WriteStream): StatusLine {
  if (!stream.isTTY) return noStatusLine;
  const clear = (): void => {
    cursorTo(stream, 0);
    clearLine(stream, 0);
  };
  return {
    clear,
    show(text) {
      clear();
      // A line that wraps could not be written over.
      stream.write(text.slice(0, stream.columns - 1));
    },
  };
}
