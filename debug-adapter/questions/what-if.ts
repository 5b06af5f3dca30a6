// What would have been: a replay in which some events did not come, or brought something else.

import { type Recording } from '../recording';
import { isSameKindOfCrash } from '../replay/crashes';
import { type Crash, type Stopped, type Warning } from '../replay/reports';
import { type Asking, withReplayer } from './asking';
import { type Range, type Stretch } from './range';

export interface Supposition {
  readonly without: readonly Stretch[];
  readonly payloads: ReadonlyMap<number, Buffer>;
}

export interface WouldHaveBeen {
  readonly end: Stopped | Crash;
  readonly warnings: readonly Warning[];
}

/** Up to the end of the log, the event included in which the process crashed. */
export const whatIf = (range: Range, supposition: Supposition, asking: Asking): Promise<WouldHaveBeen> =>
  withReplayer(range, asking, async (replayer) => {
    replayer.suppose(spelled(supposition));
    const end = await replayer.run(range.recording.log(range.reactor.id).end);
    return { end, warnings: replayer.warnings };
  });

/** For the replayer. */
export function spelled({ without, payloads }: Supposition): string {
  const leftOut = without.map(({ from, to }) => `without ${from} ${to}`);
  return [...leftOut, ...[...payloads].map(([event, payload]) => `payload ${event} ${payload.toString('hex')}`)].join(' ');
}

/** Whether it is the crash that the recording ends in. */
export function isRecordedCrash(recording: Recording, reactor: number, crash: Stopped | Crash): crash is Crash {
  const recorded = recording.crash;
  return crash.event === 'crash' && recorded?.reactor === reactor && isSameKindOfCrash(recorded, crash);
}
