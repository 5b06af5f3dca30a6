// Who wrote this?

import { type RecordedEvent, signalName } from '../recording';
import { type Writes } from '../replay/reports';
import { type Asking, withReplayer } from './asking';
import { replayCrashed, tooLarge } from './errors';
import { type Range } from './range';
import { type Storage, type StorageAt } from './storage';

export interface FoundWrite extends Storage {
  /** How many events wrote, the first and the last of them, and the bytes before and after. */
  readonly writes: Writes;
  /** The one that was asked for; undefined when no event of the range wrote. */
  readonly event: RecordedEvent | undefined;
  readonly faithful: boolean;
}

const BYTES_MAX = 1 << 20;

/** The first or the last event of the range that changed a piece of memory. */
export function findWrite(range: Range, which: 'first' | 'last', where: Storage | StorageAt, asking: Asking): Promise<FoundWrite> {
  const { recording, reactor, to } = range;
  return withReplayer(range, asking, async (replayer) => {
    const storage = typeof where === 'function' ? await where(replayer, to) : where;
    if (storage.bytes > BYTES_MAX) throw tooLarge(storage.bytes, BYTES_MAX);
    const writes = await replayer.lastWrite(storage.address, storage.bytes, to, `${which}-write`);
    if (writes.event === 'crash') throw replayCrashed(writes.eventNumber, signalName(writes.signal));
    const event = writes.last < 0 ? undefined : recording.log(reactor.id).event(writes.last);
    return { ...storage, writes, event, faithful: replayer.divergences.length === 0 && replayer.relocated === undefined };
  });
}
