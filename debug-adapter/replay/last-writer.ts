// Back to the instruction that changed a piece of memory last: first in the event that is walked, then in the one that a
// question to another replayer names. Inside an event the processor's debug registers tell (debug-adapter/gdb/watch.py).

import * as mi from '../gdb/commands';
import { type Walker } from './walker';

export interface Memory {
  readonly address: bigint;
  readonly bytes: number;
}

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
  constructor(private readonly walker: Walker) {}

  /** Goes there, and says which event wrote; undefined when none did, and nothing has moved. */
  async seek(memory: Memory, find: FindWritingEvent): Promise<WritingEvent | undefined> {
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
  private async inThisEvent({ address, bytes }: Memory): Promise<WritingEvent | undefined> {
    const { walker } = this;
    const { way, position: event, gdb } = walker;
    if (walker.stop.kind === 'boundary' || way === undefined) return undefined;
    const after = await mi.readMemory(gdb, address, bytes);
    if (!walker.isThreshold(await walker.seekThreshold(event))) return undefined;
    const before = await mi.readMemory(gdb, address, bytes);
    const words = changedWords(address, before, after);
    const last = await this.watched(words, () => walker.walk(way));
    if (last.hits === 0) return undefined;
    await this.seekChange(event, words, last);
    return { event, before, after };
  }

  private async inEarlierEvent({ address }: Memory, { event, before, after }: WritingEvent): Promise<void> {
    const { walker } = this;
    const words = changedWords(address, before, after);
    if (!walker.isThreshold(await walker.seekThreshold(event))) return;
    await walker.setTarget(event + 1);
    const last = await this.watched(words, () => walker.run(mi.resume));
    if (last.hits > 0) await this.seekChange(event, words, last);
    else await walker.seekEntry(event); // written around react(), by the library: a foreign free, say
  }

  /** To the instruction that made a change, just before it does. */
  private async seekChange(event: number, words: readonly bigint[], { hits, instruction }: mi.Watched): Promise<void> {
    const { walker } = this;
    if (!walker.isThreshold(await walker.seekThreshold(event))) return;
    await walker.setTarget(event + 1);
    const { arrivals } = await this.watched(words, () => walker.run(mi.resume), hits, instruction);
    const stop = await walker.seekPlace({ event, address: instruction, arrivals });
    if (stop.kind === 'step') walker.stop = { kind: 'write' };
  }

  private async watched(words: readonly bigint[], walk: () => Promise<unknown>, hits = 0, instruction = 0n): Promise<mi.Watched> {
    if (words.length === 0) return walk().then(() => ({ hits: 0, instruction, arrivals: 0 }));
    const { gdb } = this.walker;
    await mi.startWatch(gdb, words, hits, instruction);
    try {
      await walk();
    } catch (error) {
      await mi.endWatch(gdb).catch(() => undefined);
      throw error;
    }
    return mi.endWatch(gdb);
  }
}

/** The first aligned words in which the bytes differ. */
function changedWords(address: bigint, before: Buffer, after: Buffer): bigint[] {
  const words = new Set<bigint>();
  for (let i = 0; i < Math.min(before.length, after.length) && words.size < WORDS_WATCHED; i++) {
    const at = address + BigInt(i);
    if (before[i] !== after[i]) words.add(at - (at % BigInt(WORD)));
  }
  return [...words];
}
