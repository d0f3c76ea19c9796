/** Every subject, in the order in which tables show them. */

import { JAVASCRIPT_SUBJECTS } from "./javascript.ts";
import { NATIVE_SUBJECTS } from "./native.ts";
import type { Subject } from "./subject.ts";

/** Name of the subject that ratios are taken over. */
export const REFERENCE_SUBJECT = "mimalloc";

/** How the names of kmem's own subjects begin. */
export const OWN_PREFIX = "kmem ";

/** All subjects. */
export const SUBJECTS: readonly Subject[] = [...JAVASCRIPT_SUBJECTS, ...NATIVE_SUBJECTS];

/**
 * @param names beginnings of subjects' names, such as `kmem` for all of kmem's, or of what follows a comma in them, such as
 *   `variable`; case does not matter
 * @returns the named subjects and the loops without an allocator that they are held against; throws an Error
 *   on a name that fits none
 */
export function selectSubjects(names: readonly string[]): Subject[] {
  const stray = names.find((name) => !SUBJECTS.some((subject) => fits(subject, name)));
  if (stray !== undefined) {
    throw new Error(`no subject ${stray}; there are: ${SUBJECTS.map(({ name }) => name).join(", ")}`);
  }
  const chosen = SUBJECTS.filter((subject) => names.some((name) => fits(subject, name)));
  return SUBJECTS.filter(
    (subject) => chosen.includes(subject) || chosen.some(({ baseline }) => baseline === subject.name),
  );
}

function fits(subject: Subject, name: string): boolean {
  const parts = subject.name.toLowerCase().split(", ");
  return parts.some((part) => part.startsWith(name.toLowerCase()));
}
