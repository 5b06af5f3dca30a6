// How a command ended, for scripts. Documented in `afterimage --help`.

export const ExitCode = {
  ok: 0,
  /** The command worked, the answer is a negative one: the replay differs, nothing found. */
  negative: 1,
  /** Something the user can set right: a wrong path, another build. */
  userError: 2,
  /** With --strict: the recording is damaged or incomplete. */
  partial: 3,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
