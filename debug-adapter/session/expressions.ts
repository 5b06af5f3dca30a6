// What may be typed into watch, hover and the debug console. Expressions only look: gdb refuses writes and calls while it
// computes them. In the console, `>` leads in a gdb command, if it is one that only looks.

import { UserError } from '../recording';

const LOOKING = ['info', 'print', 'p', 'x', 'ptype', 'whatis', 'backtrace', 'bt', 'disassemble', 'list', 'l', 'output', 'show', 'help'];

/** The gdb command in `> info registers`; undefined for an expression. */
export function consoleCommand(text: string): string | undefined {
  const command = /^\s*>\s*(.*)$/s.exec(text)?.[1]?.trim();
  if (command === undefined) return undefined;
  const [word] = command.split(/[\s/]/, 1);
  if (LOOKING.includes(word ?? '')) return command;
  throw new UserError(
    'command-not-offered',
    `"${word}" is not offered here, because it could change the replay. These gdb commands are: ${LOOKING.join(', ')}.`,
  );
}

/** gdb's refusals in the user's terms. */
export function explained(message: string): string {
  if (/Writing to (memory|registers) is not allowed/.test(message)) {
    return 'This would change the program; it stays what was recorded, so expressions may only look.';
  }
  if (/may-call-functions is off/.test(message)) {
    return 'This would call a function of the program and could change it, so expressions may only look.';
  }
  return message;
}
