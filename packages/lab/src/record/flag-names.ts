/**
 * Names for the bits of a flags field, from the `__print_flags(…)` of an event's print format, which is C:
 *
 *     __print_flags(REC->gfp_flags, "|", {( unsigned long)((( gfp_t)((((1UL))) << (10)))|…), "GFP_KERNEL"}, …)
 *
 * Which bit is which differs between kernels and their configurations, so the expressions are worked out.
 */

/** A name for all the bits of `mask`. */
interface FlagName {
  readonly mask: number;
  readonly name: string;
}

const ENTRY = /\{([^{}"]*),\s*"(\w+)"\s*\}/g;
const TOKEN = /\s*(?:0x([0-9a-fA-F]+)[uUlL]*|(\d+)[uUlL]*|([A-Za-z_]\w*)|(<<|[()~|&+-]))/y;

/** Binary operators, those that bind least first. */
const OPERATORS: readonly Readonly<Record<string, (left: number, right: number) => number>>[] = [
  { "|": (left, right) => left | right },
  { "&": (left, right) => left & right },
  { "<<": (left, right) => left << right },
  { "+": (left, right) => left + right, "-": (left, right) => left - right },
];

/** Cuts a C expression into numbers, names and operators; null where something else stands in it. */
function tokensOf(expression: string): (number | string)[] | null {
  const tokens: (number | string)[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < expression.trimEnd().length) {
    const match = TOKEN.exec(expression);
    if (match === null) return null;
    const [, hexadecimal, decimal, name, operator] = match;
    if (decimal !== undefined) tokens.push(Number(decimal));
    else if (hexadecimal !== undefined) tokens.push(parseInt(hexadecimal, 16));
    else tokens.push((name ?? operator)!);
  }
  return tokens;
}

/** The value of a constant C expression of 32 bits, casts left out; null where it is not one. */
export function constantOf(expression: string): number | null {
  const tokens = tokensOf(expression);
  if (tokens === null) return null;
  let at = 0;

  const operand = (): number => {
    const token = tokens[at++];
    if (typeof token === "number") return token;
    if (token === "~") return ~operand();
    if (token === "-") return -operand();
    if (token !== "(") return NaN;
    // A name in brackets is a cast: ( unsigned long) or ( gfp_t).
    if (isName(tokens[at])) {
      while (isName(tokens[at])) at++;
      return tokens[at++] === ")" ? operand() : NaN;
    }
    const value = chain(0);
    return tokens[at++] === ")" ? value : NaN;
  };
  const chain = (level: number): number => {
    const operators = OPERATORS[level];
    if (operators === undefined) return operand();
    let value = chain(level + 1);
    for (let apply = operators[tokens[at]!]; apply !== undefined; apply = operators[tokens[at]!]) {
      at++;
      const right = chain(level + 1);
      if (Number.isNaN(right)) return NaN;
      value = apply(value, right);
    }
    return value;
  };

  const value = chain(0);
  return at === tokens.length && !Number.isNaN(value) ? value >>> 0 : null;
}

function isName(token: number | string | undefined): boolean {
  return typeof token === "string" && /^\w/.test(token);
}

/** The names of one flags field. */
export class FlagNames {
  readonly #entries: readonly FlagName[];
  readonly #texts = new Map<number, string>();

  /** Takes the names from an event's print format; none where it has none. */
  constructor(printFormat: string) {
    const start = printFormat.indexOf("__print_flags(");
    const list = start < 0 ? "" : printFormat.slice(start);
    this.#entries = [...list.matchAll(ENTRY)].flatMap(([, expression, name]) => {
      const mask = constantOf(expression!);
      return mask === null ? [] : [{ mask, name: name! }];
    });
  }

  /** The text that the kernel prints for these flags: names with `|` between, `none` for no bit. */
  textOf(flags: number): string {
    let text = this.#texts.get(flags);
    if (text === undefined) {
      text = this.#compose(flags);
      this.#texts.set(flags, text);
    }
    return text;
  }

  #compose(flags: number): string {
    if (flags === 0) return "none";
    const parts: string[] = [];
    let rest = flags;
    for (const { mask, name } of this.#entries) {
      if (mask === 0 || (rest & mask) >>> 0 !== mask) continue;
      parts.push(name);
      rest = (rest & ~mask) >>> 0;
    }
    if (rest !== 0) parts.push(`0x${rest.toString(16)}`);
    return parts.join("|");
  }
}
