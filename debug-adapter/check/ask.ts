// What a check asks of gdb: without it there is no report.

import { askGdb, GdbNotStarted } from '../gdb/ask-gdb';
import { gdbNeeded } from './errors';

/** What the script (in gdb/) answers. */
export async function ask(gdb: string, script: string, question: unknown): Promise<unknown> {
  const { lines, words } = await askGdb(gdb, { scripts: [script] }, question).catch((error: unknown) => {
    throw error instanceof GdbNotStarted ? gdbNeeded(gdb, error.message) : error;
  });
  if (lines.length === 0) throw gdbNeeded(gdb, words);
  return lines[0];
}
