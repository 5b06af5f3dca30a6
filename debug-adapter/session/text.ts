// Numbers and positions, as people read them.

import { grouped, type ReactorInfo } from '../recording';

/** The name of the one thread: `board · event 515,377 of 521,000`. */
export function threadName(reactor: ReactorInfo, position: number, end: number, inReact: boolean): string {
  if (inReact) return `${reactor.name} · event ${grouped(position)} of ${grouped(end)}`;
  return `${reactor.name} · ${boundaryName(position, end)}`;
}

export function boundaryName(position: number, end: number): string {
  if (position < end) return `before event ${grouped(position)} of ${grouped(end)}`;
  return end === 0 ? 'the recording has no events' : `end of the recording, after event ${grouped(end - 1)}`;
}
