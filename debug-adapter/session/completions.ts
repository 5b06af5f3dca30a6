// What the words of the debug console may become: gdb completes expressions and, after `>`, its commands.

import type { DebugProtocol as P } from '@vscode/debugprotocol';
import * as code from '../gdb/code';
import { type FrameAt } from '../gdb/commands';
import { type Gdb } from '../gdb/gdb';

/** Without a letter everything that the program has would do. */
const WORD = /[A-Za-z_$][\w$:]*$/;
const AFTER_MEMBER_ACCESS = /(\.|->|::)$/;
const COMMAND = /^\s*>\s*/;

export async function completionsOf(gdb: Gdb, frame: FrameAt, { text, column }: P.CompletionsArguments): Promise<P.CompletionItem[]> {
  const typed = text.slice(0, column - 1);
  const word = WORD.exec(typed)?.[0] ?? '';
  if (word === '' && !AFTER_MEMBER_ACCESS.test(typed)) return [];
  const command = COMMAND.test(typed) ? typed.replace(COMMAND, '') : `print ${typed}`;
  const whole = await code.completions(gdb, frame, command);
  const known = command.length - word.length; // what gdb repeats before the word
  return whole.map((line) => ({ label: line.slice(known), start: typed.length - word.length + 1, length: word.length }));
}
