/** Typed arrays that grow by doubling. */

/** What a column of a film is made of. */
type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** `column` itself when it has room for `length` entries, else a copy that is at least twice as long. */
export function withRoom<C extends Column>(column: C, length: number): C {
  if (length <= column.length) return column;
  const longer = new (column.constructor as new (length: number) => C)(Math.max(length, 2 * column.length));
  longer.set(column);
  return longer;
}
