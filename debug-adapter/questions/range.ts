// Which events a question is about: a stretch of one reactor's timeline that can be replayed.

import { type ReactorInfo, type Recording } from '../recording';

/** Events `from` to `to`, which is not one of them. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

export interface Range {
  readonly recording: Recording;
  readonly reactor: ReactorInfo;
  /** The executable, from findProgram. */
  readonly program: string;
  readonly from: number;
  /** Exclusive; the crashing event cannot be finished. */
  readonly to: number;
}

/** As much of `from` to `to` as can be replayed; all of it where they are not given. */
export function replayableRange(
  recording: Recording,
  reactor: ReactorInfo,
  program: string,
  wanted: { from?: number; to?: number },
): Range {
  const log = recording.log(reactor.id);
  const end = Math.min(reactor.crashEvent ?? log.end, log.end);
  const snapshot = recording.snapshots(reactor.id)[0];
  const first = Math.max(log.first, snapshot?.position ?? log.first);
  const within = (position: number) => Math.min(end, Math.max(first, position));
  return { recording, reactor, program, from: within(wanted.from ?? first), to: within(wanted.to ?? end) };
}
