/** Every subject, in the order in which tables show them. */

import { JAVASCRIPT_SUBJECTS } from "./javascript.ts";
import { NATIVE_SUBJECTS } from "./native.ts";
import type { Subject } from "./subject.ts";

/** Name of the subject that ratios are taken over. */
export const REFERENCE_SUBJECT = "mimalloc";

/** All subjects. */
export const SUBJECTS: readonly Subject[] = [...JAVASCRIPT_SUBJECTS, ...NATIVE_SUBJECTS];
