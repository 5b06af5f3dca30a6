// --without and --set: what a replay is to suppose, as it is typed.

import { ungrouped } from '../recording';
import { type Supposition } from '../questions/what-if';
import { type Range, type Stretch } from '../questions/range';
import { notAnAssignment, notAStretch, notInRange, nothingSupposed } from './errors';
import { type Assignment, changedPayload } from './typed-payloads';

export interface SuppositionOptions {
  readonly without?: readonly string[];
  readonly set?: readonly string[];
}

/** The supposition, and the payloads that it changes as C++ values. */
export async function suppositionOf(
  range: Range,
  { without = [], set = [] }: SuppositionOptions,
  gdb: string,
): Promise<Supposition & { readonly texts: ReadonlyMap<number, string> }> {
  if (without.length + set.length === 0) throw nothingSupposed();
  const log = range.recording.log(range.reactor.id);
  const inRange = (event: number): number => {
    if (event < range.from || event >= log.end) throw notInRange(event, range.from, log.end - 1);
    return event;
  };
  const stretches = without.map(stretchOf);
  for (const { from, to } of stretches) [from, to - 1].forEach(inRange);
  const payloads = new Map<number, Buffer>();
  const texts = new Map<number, string>();
  for (const [event, assignments] of assignmentsOf(set)) {
    const { text, payload } = await changedPayload(log.event(inRange(event)), assignments, range.program, gdb);
    payloads.set(event, payload);
    texts.set(event, text);
  }
  return { without: stretches, payloads, texts };
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
