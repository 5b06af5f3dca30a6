// Back to the instruction that changed a piece of memory last: first in the event that is walked, then in the one that a
// question to another replayer names. Inside an event the processor's debug registers tell (debug-adapter/gdb/watch.py).

import * as mi from '../gdb/commands';
import { type Changes } from './changes';
import { type Walker } from './walker';

/** An event that changed memory, with the bytes before and after. */
export interface WritingEvent {
  readonly event: number;
  readonly before: Buffer;
  readonly after: Buffer;
}

/** The last event before a position that changed the memory; undefined when none did. */
export type FindWritingEvent = (before: number) => Promise<WritingEvent | undefined>;

const WORD = 8;
/** As many as x86 processors have debug registers. */
const WORDS_WATCHED = 4;

export class LastWriter {
  constructor(
    private readonly walker: Walker,
    private readonly changes: Changes,
  ) {}

  /** Goes there, and says which event wrote; undefined when none did, and nothing has moved. */
  async seek(memory: mi.Memory, find: FindWritingEvent): Promise<WritingEvent | undefined> {
    const { walker } = this;
    const { stop } = walker;
    const here = await this.inThisEvent(memory);
    if (here !== undefined || walker.stop.kind === 'pause') return here;
    const found = await find(walker.position);
    if (found === undefined) walker.stop = stop;
    else await this.inEarlierEvent(memory, found);
    return found;
  }

  /** In the event inside of which the replay stands, before the place where it stands; else it stands there again. */
  private async inThisEvent({ address, bytes }: mi.Memory): Promise<WritingEvent | undefined> {
    const { walker, changes } = this;
    const { position: event, gdb } = walker;
    if (walker.stop.kind === 'boundary' || walker.way === undefined) return undefined;
    const after = await mi.readMemory(gdb, address, bytes);
    const way = await changes.knownWay(walker.way);
    if (way === undefined || !walker.isThreshold(await walker.seekThreshold(event))) return undefined;
    const before = await mi.readMemory(gdb, address, bytes);
    const words = changedWords(address, before, after);
    const { last } = await changes.watched(words, () => walker.walk(way.legs));
    if (last === undefined) return undefined;
    await changes.seek(words, last);
    return { event: last.event, before, after };
  }

  private async inEarlierEvent({ address }: mi.Memory, { event, before, after }: WritingEvent): Promise<void> {
    const { walker, changes } = this;
    const words = changedWords(address, before, after);
    if (!walker.isThreshold(await walker.seekThreshold(event))) return;
    await walker.setTarget(event + 1);
    const { last } = await changes.watched(words, () => walker.run(mi.resume));
    if (last !== undefined) await changes.seek(words, last);
    else await walker.seekEntry(event); // written around react(), by the library: a foreign free, say
  }
}

/** The first aligned words in which the bytes differ. */
function changedWords(address: bigint, before: Buffer, after: Buffer): mi.Memory[] {
  const words = new Set<bigint>();
  for (let i = 0; i < Math.min(before.length, after.length) && words.size < WORDS_WATCHED; i++) {
    const at = address + BigInt(i);
    if (before[i] !== after[i]) words.add(at - (at % BigInt(WORD)));
  }
  return [...words].map((word) => ({ address: word, bytes: WORD }));
}
