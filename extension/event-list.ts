// The events that the view lists for a reactor: all that the log has, or those that a filter lets through. Either way rows are
// counted by their place in the list, so that both are the same tree of ranges (event-ranges.ts).
import { type EventRange, isEvent, labelOf } from './event-ranges';

export interface EventList {
  /** Places in the list. */
  readonly range: EventRange;
  eventAt(place: number): number;
  /** Where an event is listed; undefined when it is not. */
  placeOf(event: number): number | undefined;
}

/** Places are event numbers: ranges stay where they are while a live recording grows. */
export const allEvents = (first: number, end: number): EventList => ({
  range: { from: first, end },
  eventAt: (place) => place,
  placeOf: (event) => (event >= first && event < end ? event : undefined),
});

export const someEvents = (numbers: readonly number[]): EventList => ({
  range: { from: 0, end: numbers.length },
  eventAt: (place) => numbers[place]!,
  placeOf: (event) => {
    const place = firstAtLeast(numbers, event);
    return numbers[place] === event ? place : undefined;
  },
});

/** Named by the events at its ends. */
export function labelIn(list: EventList, range: EventRange): string {
  const from = list.eventAt(range.from);
  return labelOf({ from, end: isEvent(range) ? from + 1 : list.eventAt(range.end - 1) + 1 });
}

function firstAtLeast(numbers: readonly number[], wanted: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
