// Where the members of C++ types are, in bytes. gdb knows it from the executable's debug information and needs no process for that.

import * as z from 'zod';
import { askGdb, GdbNotStarted } from '../gdb/ask-gdb';
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
  const answers = questions.length === 0 ? [] : await ask(questions, program, gdb);
  return answers.map((answer, i) => {
    if ('from' in answer) return answer;
    throw fieldsNotFound(`${questions[i]?.type}::${questions[i]?.field}: ${answer.error}`);
  });
}

async function ask(questions: readonly FieldQuestion[], program: string, gdb: string) {
  const { lines, words } = await askGdb(gdb, { scripts: ['field_ranges.py'], program }, questions).catch((error: unknown) => {
    throw error instanceof GdbNotStarted ? fieldsNotFound(`${gdb} could not be started (${error.message})`) : error;
  });
  if (lines.length !== questions.length) throw fieldsNotFound(words);
  return lines.map((line) => Answer.parse(line));
}
