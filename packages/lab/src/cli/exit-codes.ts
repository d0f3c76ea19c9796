/** What the command's exit code says. `kmem --help` prints them from here. */
export const ExitCode = {
  OK: 0,
  BAD_DATA: 1,
  USAGE: 2,
} as const;

/** One value of `ExitCode`. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** A line of help for each exit code. */
export const EXIT_CODE_HELP = `Exit codes:
  ${ExitCode.OK}    done
  ${ExitCode.BAD_DATA}    not done: one line on stderr says why
  ${ExitCode.USAGE}    the command line is wrong
  130  interrupted by Ctrl-C; no half file is left`;
