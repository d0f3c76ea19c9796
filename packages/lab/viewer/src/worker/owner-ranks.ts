/** Which owners get a colour of their own: those that hold the most pages for the longest. */
import { type Film, LARGE, NEVER } from "../film/film.ts";

/** The rank of what is free or large: these have colours by what they are. */
const UNRANKED = -1;

/** For each owner its rank, 0 for the one that held most; O(blocks). */
export function ownerRanks(film: Film): number[] {
  const held = film.owners.map(() => 0);
  for (let block = 0; block < film.blockCount; block++) {
    const died = film.blockDiedAt[block]!;
    const moments = (died === NEVER ? film.position + 1 : died) - film.blockBornAt[block]!;
    held[film.blockOwner[block]!]! += moments * film.blockPageCount[block]!;
  }
  const ranks = film.owners.map(() => UNRANKED);
  const order = film.owners.map((_, owner) => owner).filter((owner) => owner > LARGE);
  order.sort((a, b) => held[b]! - held[a]! || a - b);
  for (const [rank, owner] of order.entries()) ranks[owner] = rank;
  return ranks;
}
