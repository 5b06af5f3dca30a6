// Numbers and positions, as people read them.

import { type ReactorInfo } from '../recording';

export const counted = (number: number): string => number.toLocaleString('en-US');

/** The name of the one thread: `board · event 515,377 of 521,000`. */
export function threadName(reactor: ReactorInfo, position: number, end: number, inReact: boolean): string {
  if (inReact) return `${reactor.name} · event ${counted(position)} of ${counted(end)}`;
  return `${reactor.name} · ${boundaryName(position, end)}`;
}

export function boundaryName(position: number, end: number): string {
  if (position < end) return `before event ${counted(position)} of ${counted(end)}`;
  return end === 0 ? 'the recording has no events' : `end of the recording, after event ${counted(end - 1)}`;
}
