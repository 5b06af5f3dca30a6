// Where the members of C++ types are, in bytes. gdb knows it from the executable's debug information and needs no process for that.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Readable, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { packageRoot } from '../package-root';
import { fieldsNotFound } from './errors';

export interface FieldQuestion {
  readonly type: string;
  /** As in C++: `customer.name`. */
  readonly field: string;
}

export interface FieldRange {
  readonly from: number;
  readonly end: number;
}

const Answer = z.union([z.object({ from: z.int(), end: z.int() }), z.object({ error: z.string() })]);

/** An answer for each question, in the same order. Throws UserError when one cannot be answered. */
export async function fieldRanges(questions: readonly FieldQuestion[], program: string, gdb: string): Promise<FieldRange[]> {
  const answers = questions.length === 0 ? [] : await askGdb(questions, program, gdb);
  return answers.map((answer, i) => {
    if ('from' in answer) return answer;
    throw fieldsNotFound(`${questions[i]?.type}::${questions[i]?.field}: ${answer.error}`);
  });
}

async function askGdb(questions: readonly FieldQuestion[], program: string, gdb: string) {
  const script = `${packageRoot()}/debug-adapter/gdb/field_ranges.py`;
  const child = spawn(gdb, ['-nx', '-q', '-batch', '-iex', 'set debuginfod enabled off', program, '-x', script], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  await once(child, 'spawn').catch((error: Error) => {
    throw fieldsNotFound(`${gdb} could not be started (${error.message})`);
  });
  const [asked, answered] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  asked.on('error', () => undefined); // a gdb that died says so on stderr
  asked.end(JSON.stringify(questions));
  const [lines, words] = await Promise.all([text(answered), text(child.stderr as Readable)]);
  const answers = lines.split('\n').filter((line) => line !== '').map((line) => Answer.parse(JSON.parse(line))); // prettier-ignore
  if (answers.length !== questions.length) throw fieldsNotFound(words.trim().split('\n').at(-1) ?? 'gdb ended early');
  return answers;
}
