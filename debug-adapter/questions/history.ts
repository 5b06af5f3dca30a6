// How did a value come about?

import { type Value } from '../replay/reports';
import { ask, type Asking } from './asking';
import { compiled } from './expressions';
import { type Range } from './range';

export interface ValueHistory {
  /** The first is the value at the beginning of the range, and has no event. */
  readonly values: readonly { readonly event: number | undefined; readonly value: bigint }[];
  readonly changes: number;
  /** How far it was looked. */
  readonly to: number;
  readonly faithful: boolean;
}

/** The changes of a C++ expression's value; at most `limit`, all for 0. */
export async function valueHistory(range: Range, expression: string, limit: number, asking: Asking): Promise<ValueHistory> {
  const code = await compiled(range, expression, asking.gdb);
  const { findings, answer, faithful } = await ask<Value>(range, `history ${code} ${range.from} ${range.to} ${limit}`, asking);
  const values = findings.map(({ eventNumber, value }) => ({ event: eventNumber < 0 ? undefined : eventNumber, value }));
  return { values, changes: answer.count, to: answer.position, faithful };
}
