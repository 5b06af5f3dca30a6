// What a check reports: one line for each thing in the program, however often and from wherever it happened.

import { type Place } from '../gdb/stack-places';

export type Severity = 'error' | 'warning' | 'note';

export type Group = 'pointer' | 'other-reactor' | 'global' | 'thread-local' | 'thread' | 'wait' | 'call' | 'instruction';

export interface Issue {
  /** For suppressions: the group and what it is about. */
  readonly id: string;
  readonly group: Group;
  readonly severity: Severity;
  readonly what: string;
  /** How the places are to be read: "written by", "allocated by". */
  readonly verb: string;
  readonly places: readonly { readonly place: Place; readonly count: number }[];
  /** 0 where counting makes no sense: a pointer is or is not there. */
  readonly count: number;
  readonly reactors: readonly string[];
  readonly firstEvent: number;
}

const RANK: Record<Severity, number> = { error: 0, warning: 1, note: 2 };

export const worst = (a: Severity, b: Severity): Severity => (RANK[a] <= RANK[b] ? a : b);

const samePlace = (a: Place, b: Place) => a.function === b.function && a.file === b.file && a.line === b.line && a.module === b.module;

/** Issues with the same id become one; the worst come first, then the most frequent. */
export function merged(issues: readonly Issue[]): Issue[] {
  const byId = new Map<string, Issue>();
  for (const issue of issues) {
    const known = byId.get(issue.id);
    byId.set(issue.id, known === undefined ? issue : join(known, issue));
  }
  return [...byId.values()].sort((a, b) => RANK[a.severity] - RANK[b.severity] || b.count - a.count || a.id.localeCompare(b.id));
}

function join(a: Issue, b: Issue): Issue {
  const places = [...a.places];
  for (const { place, count } of b.places) {
    const index = places.findIndex((known) => samePlace(known.place, place));
    if (index < 0) places.push({ place, count });
    else places[index] = { place, count: (places[index]?.count ?? 0) + count };
  }
  // Of two that weigh the same, the one that says more.
  const isWorse = RANK[a.severity] - RANK[b.severity] || b.what.length - a.what.length;
  return {
    ...(isWorse <= 0 ? a : b),
    places: places.sort((x, y) => y.count - x.count),
    count: a.count + b.count,
    ...(a.severity === b.severity && {
      reactors: [...new Set([...a.reactors, ...b.reactors])],
      firstEvent: Math.min(a.firstEvent, b.firstEvent),
    }),
  };
}
