import { describe, expect, test } from "vitest";
import { noProgress, terminalProgress } from "../../src/cli/progress.ts";

/** A stream that passes for a terminal, or not, and what was written to it. */
function fakeStream(isTTY: boolean): { stream: NodeJS.WriteStream; written: () => string } {
  let text = "";
  const stream = {
    isTTY,
    columns: 100,
    write(chunk: string) {
      text += chunk;
      return true;
    },
  };
  return { stream: stream as unknown as NodeJS.WriteStream, written: () => text };
}

describe("progress", () => {
  test("a bar a label, completed before the next begins", () => {
    const { stream, written } = fakeStream(true);
    const progress = terminalProgress(stream);
    progress.show("Reading", 0, 100, "0 events");
    progress.show("Reading", 40, 100, "4 events");
    progress.show("Objects", 0, 7, "0 operations");
    progress.show("Objects", 7, 7, "7 operations");
    progress.finish();
    const text = written();
    expect(text).toMatch(/Reading\s+░+\s+0 % {2}0 events/);
    expect(text).toMatch(/Reading\s+█+\s+100 % {2}4 events/);
    expect(text).toMatch(/Objects\s+█+\s+100 % {2}7 operations/);
    expect(text.indexOf("100 %")).toBeLessThan(text.indexOf("Objects"));
  });

  test("no terminal setting is changed, so an interrupt leaves nothing to restore", () => {
    const { stream, written } = fakeStream(true);
    const progress = terminalProgress(stream);
    progress.show("Reading", 1, 2, "1 event");
    progress.finish();
    const HIDE_CURSOR = "\u001b[?25l";
    const NO_WRAP = "\u001b[?7l";
    expect(written()).not.toContain(HIDE_CURSOR);
    expect(written()).not.toContain(NO_WRAP);
    expect(process.listenerCount("SIGINT")).toBe(0);
  });

  test("none where there is no terminal", () => {
    expect(terminalProgress(fakeStream(false).stream)).toBe(noProgress);
  });
});
