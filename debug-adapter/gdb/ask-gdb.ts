// gdb as a service for one question: JSON in, JSON out, and no process to look at.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Readable, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { packageRoot } from '../package-root';
import { lookForDebugFiles } from './debug-files';

export class GdbNotStarted extends Error {
  constructor(
    readonly missing: boolean,
    message: string,
  ) {
    super(message);
  }
}

/** Arguments of a gdb that runs no process and asks nobody. */
export const quietly = (): string[] => ['-nx', '-q', '-batch', '-iex', 'set debuginfod enabled off', '-iex', lookForDebugFiles()];

export interface Asked {
  /** In this folder; the last one reads the question from descriptor 3 and writes the answer to descriptor 4. */
  readonly scripts: readonly string[];
  readonly program?: string;
  readonly settings?: readonly string[];
}

/** What the script answers, line by line, and gdb's last words: an answer may be missing. */
export async function askGdb(
  gdb: string,
  { scripts, program, settings = [] }: Asked,
  question: unknown,
): Promise<{ lines: readonly unknown[]; words: string }> {
  const before = settings.flatMap((setting) => ['-iex', `set ${setting}`]);
  const files = scripts.flatMap((name) => ['-x', `${packageRoot()}/debug-adapter/gdb/${name}`]);
  const child = spawn(gdb, [...quietly(), ...before, ...(program === undefined ? [] : [program]), ...files], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  await once(child, 'spawn').catch((error: NodeJS.ErrnoException) => {
    throw new GdbNotStarted(error.code === 'ENOENT', error.message);
  });
  const [asked, answers] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  asked.on('error', () => undefined); // a gdb that died says so on stderr
  asked.end(JSON.stringify(question));
  const [answer, words] = await Promise.all([text(answers), text(child.stderr as Readable)]);
  const lines = answer.split('\n').filter((line) => line !== '').map((line): unknown => JSON.parse(line)); // prettier-ignore
  return { lines, words: words.trim().split('\n').at(-1) || 'it ended early' };
}
