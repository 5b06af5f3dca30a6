// What would have been: a replay in which some events did not come, or brought something else.

import { type Recording } from '../recording';
import { isSameKindOfCrash } from '../replay/crashes';
import { type Crash, type Stopped, type Warning } from '../replay/reports';
import { type Asking, withReplayer } from './asking';
import { notInRange } from './errors';
import { type Range, type Stretch } from './range';
import { type Assignment, changedPayload } from './typed-payloads';

export interface Supposition {
  readonly without: readonly Stretch[];
  readonly payloads: ReadonlyMap<number, Buffer>;
}

/** With the payloads that it changes as C++ values. */
export type ReadableSupposition = Supposition & { readonly texts: ReadonlyMap<number, string> };

export interface WouldHaveBeen {
  readonly end: Stopped | Crash;
  readonly warnings: readonly Warning[];
}

/** Events that do not come, and members of others that have another value; all of them must be in the range, or be the event of the crash. */
export async function supposed(
  range: Range,
  without: readonly Stretch[],
  changes: ReadonlyMap<number, readonly Assignment[]>,
  gdb: string,
): Promise<ReadableSupposition> {
  const log = range.recording.log(range.reactor.id);
  for (const event of [...without.flatMap(({ from, to }) => [from, to - 1]), ...changes.keys()])
    if (event < range.from || event >= log.end) throw notInRange(event, range.from, log.end - 1);
  const payloads = new Map<number, Buffer>();
  const texts = new Map<number, string>();
  for (const [event, assignments] of changes) {
    const { text, payload } = await changedPayload(log.event(event), assignments, range.program, gdb);
    payloads.set(event, payload);
    texts.set(event, text);
  }
  return { without, payloads, texts };
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
