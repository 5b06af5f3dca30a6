// Changes of memory as places. The processor's debug registers stop the program behind the instruction that wrote
// (debug-adapter/gdb/watch.py); the place is that instruction, and how often the event has come to it. To learn how often,
// the event is walked once more.

import * as mi from '../gdb/commands';
import { type Leg, type Walker, type Way } from './walker';

/** A way that can be walked. */
export interface KnownWay {
  readonly event: number;
  readonly legs: readonly Leg[];
}

export class Changes {
  constructor(private readonly walker: Walker) {}

  /** Counts changes of memory on a walk, which ends at the wanted one if there is one. */
  async watched(memory: readonly mi.Memory[], walk: () => Promise<unknown>, wanted?: mi.Change): Promise<mi.Watched> {
    if (memory.length === 0) return walk().then(() => ({ last: undefined, arrivals: 0 }));
    const { gdb } = this.walker;
    await mi.startWatch(gdb, memory, wanted);
    try {
      await walk();
    } catch (error) {
      await mi.endWatch(gdb).catch(() => undefined);
      throw error;
    }
    return mi.endWatch(gdb);
  }

  /** To the instruction that makes a change, just before it does; `number` is of the user's breakpoint on that memory. */
  async seek(memory: readonly mi.Memory[], change: mi.Change, number?: string): Promise<void> {
    const { walker } = this;
    const { event, instruction } = change;
    if (!walker.isThreshold(await walker.seekThreshold(event))) return;
    await walker.setTarget(event + 1);
    const { arrivals } = await this.watched(memory, () => walker.run(mi.resume), change);
    const stop = await walker.seekPlace({ event, address: instruction, arrivals });
    if (stop.kind === 'step') walker.stop = { kind: 'write', ...(number === undefined ? {} : { number }) };
  }

  /**
   * The same way without changes, so that it can be walked while the user's breakpoints need the debug registers. Leaves the
   * program somewhere on the way.
   */
  async knownWay({ event, legs }: Way): Promise<KnownWay | undefined> {
    const known: Leg[] = [];
    for (const leg of legs) {
      if (leg.kind === 'change') known.push(...(await this.legsTo(leg.change, known)));
      else known.push(leg);
      if (this.walker.stop.kind === 'pause') return undefined;
    }
    return { event, legs: known };
  }

  private async legsTo(change: mi.ChangeOf, before: readonly Leg[]): Promise<Leg[]> {
    const { walker } = this;
    const { event, instruction } = change;
    if (!walker.isThreshold(await walker.seekThreshold(event))) return [];
    await walker.walk(before);
    const { arrivals } = await this.watched([change.memory], () => walker.run(mi.resume), change);
    const behind: Leg = { kind: 'command', command: mi.stepInstruction };
    // None: the way stands at the instruction already.
    return arrivals === 0 ? [behind] : [{ kind: 'arrive', place: { event, address: instruction, arrivals } }, behind];
  }
}
