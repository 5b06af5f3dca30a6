// --without and --set: what a replay is to suppose, as it is typed.

import { ungrouped } from '../recording';
import { type ReadableSupposition, supposed } from '../questions/what-if';
import { type Range, type Stretch } from '../questions/range';
import { notAnAssignment, notAStretch, nothingSupposed } from './errors';
import { type Assignment } from '../questions/typed-payloads';

export interface SuppositionOptions {
  readonly without?: readonly string[];
  readonly set?: readonly string[];
}

export async function suppositionOf(
  range: Range,
  { without = [], set = [] }: SuppositionOptions,
  gdb: string,
): Promise<ReadableSupposition> {
  if (without.length + set.length === 0) throw nothingSupposed();
  return supposed(range, without.map(stretchOf), assignmentsOf(set), gdb);
}

/** 515377, or 515377-515400, both included. */
function stretchOf(text: string): Stretch {
  const [, first, last = first] = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(ungrouped(text)) ?? [];
  const [from, to] = [Number(first), Number(last) + 1];
  if (first === undefined || to <= from) throw notAStretch(text);
  return { from, to };
}

/** 515377:delay_minutes=0 */
function assignmentsOf(set: readonly string[]): Map<number, Assignment[]> {
  const assignments = new Map<number, Assignment[]>();
  for (const text of set) {
    const [, number, member, value] = /^([\d,]{1,20}):\s*([A-Za-z_][\w.[\]]*)\s*=\s*(.+)$/s.exec(text) ?? [];
    const event = Number(ungrouped(number ?? '?'));
    if (!Number.isSafeInteger(event) || member === undefined || value === undefined) throw notAnAssignment(text);
    assignments.set(event, [...(assignments.get(event) ?? []), [member, value]]);
  }
  return assignments;
}
