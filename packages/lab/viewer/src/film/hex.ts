/** An offset as people of this field read it. */
export function hex(offset: number): string {
  return `0x${offset.toString(16)}`;
}
