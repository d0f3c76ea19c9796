/** What a take's owners are called and how they are coloured, for legends, tables and towers. */
import { ownerColor } from "../draw/owner-colors.ts";
import { PALETTES, type Theme } from "../draw/palette.ts";
import type { TakeSummary } from "../worker/protocol.ts";

/** The colour of an owner of a take, as "#rrggbb". */
export function colorOfOwner({ owners, rankOf }: TakeSummary, owner: number, theme: Theme): string {
  return ownerColor(PALETTES[theme], { kind: owners[owner]!.kind, rank: rankOf[owner] ?? -1 });
}
