// Fenced code blocks of a Markdown text.

/** One fenced block. */
export interface CodeBlock {
  /** The first word after the fence, in lower case; empty when there is none. */
  readonly language: string;
  readonly text: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
}

/** All fenced blocks, in order. Throws on a fence that is never closed. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { language: string; line: number; fence: string; body: string[] } | undefined;
  for (const [lineIndex, line] of markdown.split("\n").entries()) {
    const [, fence, language] = /^ {0,3}(`{3,}|~{3,})\s*([^\s`]*)/.exec(line) ?? [];
    if (!open) {
      if (fence !== undefined)
        open = { language: language!.toLowerCase(), line: lineIndex + 1, fence, body: [] };
    } else if (fence?.startsWith(open.fence) && language === "") {
      blocks.push({ language: open.language, line: open.line, text: open.body.join("\n") });
      open = undefined;
    } else {
      open.body.push(line);
    }
  }
  if (open) throw new Error(`the code block opened on line ${open.line} is never closed`);
  return blocks;
}

/** What a program promises to print: the text after each `// →`, in order. */
export function promisedOutput(program: string): string[] {
  return [...program.matchAll(/\/\/ → ?(.*)$/gm)].map(([, promise]) => promise!.trimEnd());
}

/** Does a printed line keep a promise? `…` in the promise stands for any text. */
export function keepsPromise(printed: string, promise: string): boolean {
  const pattern = promise
    .split("…")
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*");
  return new RegExp(`^${pattern}$`).test(printed);
}

/** The single commands of a shell block: comments dropped, continued lines joined, `a && b` taken apart. */
export function shellCommands(script: string): string[] {
  return script
    .replaceAll("\\\n", " ")
    .split("\n")
    .map((line) => line.replace(/^\$ /, "").replace(/(^|\s)#.*$/, ""))
    .flatMap((line) => line.split("&&"))
    .map((command) => command.trim())
    .filter((command) => command !== "");
}
