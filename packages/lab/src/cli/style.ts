import { styleText } from "node:util";

/** How text is set off. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  /** A number that rose. */
  rise(text: string): string;
  /** A number that fell. */
  fall(text: string): string;
  /** Something to keep an eye on. */
  warn(text: string): string;
}

/** Styles for a stream: none where it is not a terminal or `NO_COLOR` is set. */
export function styleFor(stream: NodeJS.WritableStream): Style {
  return {
    bold: (text) => styleText("bold", text, { stream }),
    dim: (text) => styleText("dim", text, { stream }),
    rise: (text) => styleText("green", text, { stream }),
    fall: (text) => styleText("red", text, { stream }),
    warn: (text) => styleText("yellow", text, { stream }),
  };
}

const asItIs = (text: string): string => text;

/** No styles at all. */
export const plainStyle: Style = { bold: asItIs, dim: asItIs, rise: asItIs, fall: asItIs, warn: asItIs };

/** The first line of a section of a report: its title, and what it is about. */
export function heading(title: string, rest: string, style: Style): string {
  return `${style.bold(title)}  ${rest}\n`;
}
