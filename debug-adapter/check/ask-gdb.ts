// gdb as a service for one question: JSON in, JSON out, and no process to look at.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Readable, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { packageRoot } from '../package-root';
import { gdbNeeded } from './errors';

/** What the script (in gdb/) answers. */
export async function askGdb(gdb: string, script: string, question: unknown): Promise<unknown> {
  const file = `${packageRoot()}/debug-adapter/gdb/${script}`;
  const child = spawn(gdb, ['-nx', '-q', '-batch', '-iex', 'set debuginfod enabled off', '-x', file], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  await once(child, 'spawn').catch((error: Error) => {
    throw gdbNeeded(gdb, error.message);
  });
  const [asked, answers] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  asked.on('error', () => undefined); // a gdb that died says so on stderr
  asked.end(JSON.stringify(question));
  const [answer, words] = await Promise.all([text(answers), text(child.stderr as Readable)]);
  if (answer === '') throw gdbNeeded(gdb, words.trim().split('\n').at(-1) ?? 'it ended early');
  return JSON.parse(answer);
}
