// A log of millions of events as a tree in which no node has more than about a hundred children.
//
//   0 - 499,999  ->  50 ranges of 10,000  ->  100 ranges of 100  ->  100 events
//
// Ranges are aligned to their length, so that they stay where they are while a live recording grows.
// Pure arithmetic: nothing is read before somebody opens a range.

import { grouped } from '../debug-adapter/recording';

/** Events `from` to `end - 1`. A range of one event is the event itself. */
export interface EventRange {
  readonly from: number;
  readonly end: number;
}

const FAN_OUT = 100;

/** What a range shows when it is opened: smaller ranges, or its events when there are few. */
export function childrenOf(range: EventRange): EventRange[] {
  const span = spanBelow(range.end - range.from);
  const children: EventRange[] = [];
  for (let from = range.from; from < range.end;) {
    const end = Math.min(range.end, (Math.floor(from / span) + 1) * span);
    children.push({ from, end });
    from = end;
  }
  return children;
}

/** The child of `range` in which `event` lies. */
export function childWith(range: EventRange, event: number): EventRange {
  const span = spanBelow(range.end - range.from);
  const start = Math.floor(event / span) * span;
  return { from: Math.max(range.from, start), end: Math.min(range.end, start + span) };
}

export const isEvent = (range: EventRange): boolean => range.end - range.from === 1;

export const contains = (range: EventRange, event: number): boolean => range.from <= event && event < range.end;

/** "#7", or "#100 – #199". */
export function labelOf(range: EventRange): string {
  const first = `#${grouped(range.from)}`;
  return isEvent(range) ? first : `${first} – #${grouped(range.end - 1)}`;
}

/** The smallest power of the fan-out which cuts `count` events into at most FAN_OUT pieces. */
function spanBelow(count: number): number {
  let span = 1;
  while (span * FAN_OUT < count) span *= FAN_OUT;
  return span;
}
