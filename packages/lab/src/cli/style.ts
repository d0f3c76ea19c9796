import { styleText } from "node:util";

/** How text is set off. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
}

/** Styles for a stream: none where it is not a terminal or `NO_COLOR` is set. */
export function styleFor(stream: NodeJS.WritableStream): Style {
  return {
    bold: (text) => styleText("bold", text, { stream }),
    dim: (text) => styleText("dim", text, { stream }),
  };
}

/** No styles at all. */
export const plainStyle: Style = { bold: (text) => text, dim: (text) => text };

/** The first line of a section of a report: its title, and what it is about. */
export function heading(title: string, rest: string, style: Style): string {
  return `${style.bold(title)}  ${rest}\n`;
}
