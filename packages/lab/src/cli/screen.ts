/**
 * The whole terminal as a picture that is drawn again and again. It uses the terminal's second screen, so what stood
 * there comes back at the end, however the program ends.
 */
import { atExit } from "../files/at-exit.ts";

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE_REST = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
const CTRL_C = "\u0003";

/** A terminal, taken over until `close`. */
export class Screen {
  readonly #output: NodeJS.WriteStream;
  readonly #input: NodeJS.ReadStream;
  readonly #forget: () => void;
  #isOpen = true;

  /** Takes the terminal over. `onKey` gets each key; Ctrl-C comes as `"ctrl-c"`. `onResize` is told of a new size. */
  constructor(
    terminal: { readonly input: NodeJS.ReadStream; readonly output: NodeJS.WriteStream },
    handlers: { readonly onKey: (key: string) => void; readonly onResize: () => void },
  ) {
    this.#input = terminal.input;
    this.#output = terminal.output;
    this.#forget = atExit(() => this.close());
    if (this.#input.isTTY) {
      this.#input.setRawMode(true);
      this.#input.setEncoding("utf8");
      this.#input.on("data", (keys) => {
        for (const key of String(keys)) handlers.onKey(key === CTRL_C ? "ctrl-c" : key);
      });
    }
    this.#output.on("resize", handlers.onResize);
    this.#output.write(ENTER);
  }

  get columns(): number {
    return this.#output.columns;
  }

  get rows(): number {
    return this.#output.rows;
  }

  /** Shows these lines in place of those before. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const text = lines.map((line) => line + CLEAR_LINE_REST).join("\r\n");
    this.#output.write(`${HOME}${text}${CLEAR_BELOW}`);
  }

  /** Gives the terminal back as it was. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#output.write(LEAVE);
    if (this.#input.isTTY) {
      this.#input.setRawMode(false);
      this.#input.pause();
    }
    this.#forget();
  }
}
