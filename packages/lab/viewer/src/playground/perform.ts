/** Runs a program step by step and keeps a picture and a sentence of each. */
import { explain } from "./explain.ts";
import { newMachine, type PlayedPicture } from "./machine.ts";
import { parseStep, type Program, type Space } from "./program.ts";

/** The space after a step, and what the step did. */
export interface PlayedStep {
  readonly text: string;
  readonly sentence: string;
  readonly failed: boolean;
  /** The offset of what the step made; -1 where it made nothing. */
  readonly offset: number;
  readonly picture: PlayedPicture;
}

/** Runs a whole program: the first entry is the empty space. A step that fails changes nothing. O(steps · pages). */
export function perform({ space, steps }: Program): PlayedStep[] {
  const machine = newMachine(space);
  let picture = machine.picture();
  const played: PlayedStep[] = [{ text: "", sentence: opening(space), failed: false, offset: -1, picture }];
  for (const text of steps) {
    let sentence: string;
    let failed = false;
    let offset = -1;
    try {
      const command = parseStep(text, space);
      offset = machine.run(command);
      const after = machine.picture();
      sentence = explain(command, offset, picture, after);
      picture = after;
    } catch (error) {
      failed = true;
      sentence = `${(error as Error).message.replace(/[.]?$/, ".")} Nothing has changed.`;
    }
    played.push({ text, sentence, failed, offset, picture });
  }
  return played;
}

function opening({ kind, pageSize, pageCount }: Space): string {
  const what = kind === "pages" ? "A buddy allocator" : "A heap";
  return `${what} of ${pageCount} pages of ${pageSize.toLocaleString("en")} bytes, all of them free.`;
}
