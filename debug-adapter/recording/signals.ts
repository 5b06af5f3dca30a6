// Signals by name, with the reason the kernel gives (si_code), as people know them from the shell.

const NAMES: Record<number, string> = {
  1: 'SIGHUP', 2: 'SIGINT', 3: 'SIGQUIT', 4: 'SIGILL', 5: 'SIGTRAP', 6: 'SIGABRT', 7: 'SIGBUS', 8: 'SIGFPE', 9: 'SIGKILL',
  10: 'SIGUSR1', 11: 'SIGSEGV', 12: 'SIGUSR2', 13: 'SIGPIPE', 14: 'SIGALRM', 15: 'SIGTERM', 16: 'SIGSTKFLT', 24: 'SIGXCPU',
  25: 'SIGXFSZ', 31: 'SIGSYS',
}; // prettier-ignore

const MEANINGS: Record<string, string> = {
  'SIGSEGV:1': 'address not mapped',
  'SIGSEGV:2': 'no permission for the mapped address',
  'SIGSEGV:128': 'address not canonical',
  'SIGBUS:1': 'misaligned address',
  'SIGBUS:2': 'no memory behind the address',
  'SIGFPE:1': 'integer division by zero',
  'SIGFPE:2': 'integer overflow',
  'SIGFPE:3': 'floating-point division by zero',
  'SIGILL:1': 'illegal opcode',
  'SIGILL:2': 'illegal operand',
  'SIGABRT:-6': 'abort() or a failed assertion',
};

export const signalName = (signal: number): string => NAMES[signal] ?? `signal ${signal}`;

/** What the kernel meant by the code, or `undefined` when it says nothing more. */
export const signalMeaning = (signal: number, code: number): string | undefined => MEANINGS[`${signalName(signal)}:${code}`];

/** Whether si_addr is an address that the program touched (and not, say, the sender of the signal, or the instruction). */
export const hasFaultAddress = (signal: number, code: number): boolean =>
  code > 0 && code !== 0x80 && ['SIGSEGV', 'SIGBUS'].includes(signalName(signal));
