// Back in time inside an event: by walking the event once more and remembering what comes last before here, and then once
// more up to there. Nothing but the program's own instructions is needed, so it works with all of them.
//
//     stepBack          the line before, in this function or its caller; from the first line of react(), the last line of
//                       the event before
//     reverseContinue   the user's breakpoint before, in this event or in one before; else the first position. At one on
//                       memory it stands before the write
//
// gdb writes down (debug-adapter/gdb/trace.py, arrivals.py); the user's breakpoints are disabled unless they are asked for.

import * as mi from '../gdb/commands';
import { type Gdb } from '../gdb/gdb';
import { type Changes, type KnownWay } from './changes';
import { isInfrastructure, type Stop } from './stops';
import { type Walker } from './walker';

export type Unit = 'line' | 'instruction';

const FRAMES_LOOKED_AT = 64;
/** Earlier events are searched in portions, each so much larger than the one before. */
const GROWTH = 4;

export class Backwards {
  constructor(
    private readonly walker: Walker,
    private readonly changes: Changes,
  ) {}

  async stepBack(unit: Unit): Promise<Stop> {
    const { walker } = this;
    const { position: event } = walker;
    if (walker.stop.kind === 'boundary') return this.lastOf(event, unit);
    if (walker.stop.kind === 'entry') return this.beforeEntry(event, unit);
    if (walker.way === undefined) return walker.seekEntry(event); // after a pause, say: as near as is known
    const { hasCaller } = await mi.planTrace(walker.gdb, event, await this.userLevel(), unit);
    const way = await this.changes.knownWay(walker.way);
    if (way === undefined) return walker.stop;
    const reached = await walker.seekThreshold(event);
    if (!walker.isThreshold(reached)) return reached;
    const found = await this.traced(true, () => walker.walk(way.legs));
    if (walker.stop.kind === 'pause') return walker.stop;
    if (found !== undefined) return walker.seekPlace({ ...found, event });
    return hasCaller ? walker.seekEntry(event) : this.beforeEntry(event, unit);
  }

  /** To the last hit of the user's breakpoints, which `withBreakpoints` enables. */
  async reverseContinue(withBreakpoints: (how: () => Promise<Stop>) => Promise<Stop>): Promise<Stop> {
    const { walker } = this;
    const { position } = walker;
    if (walker.stop.kind !== 'boundary' && walker.way !== undefined) {
      const way = await this.changes.knownWay(walker.way);
      const hit = way && (await this.lastHitOn(way, withBreakpoints));
      if (hit !== undefined) return this.seekHit(hit);
      if (walker.stop.kind === 'pause') return walker.stop;
    }
    for (let before = position, portion = 1; before > walker.first; portion *= GROWTH) {
      await walker.seek(Math.max(walker.first, before - portion));
      const { position: from } = walker;
      const hit = await this.lastHitBefore(before, withBreakpoints);
      if (hit !== undefined) return this.seekHit(hit);
      if (walker.stop.kind === 'pause') return walker.stop;
      before = from;
    }
    return walker.seekEntry(walker.first);
  }

  private async seekHit(hit: mi.Hit): Promise<Stop> {
    const { walker } = this;
    if ('change' in hit) await this.changes.seek([hit.change.memory], hit.change, hit.number);
    else if ((await walker.seekPlace(hit.place)).kind === 'step') walker.stop = { kind: 'breakpoint', numbers: [hit.number] };
    return walker.stop;
  }

  private async lastHitOn(way: KnownWay, withBreakpoints: (how: () => Promise<Stop>) => Promise<Stop>) {
    const { walker } = this;
    const reached = await walker.seekThreshold(way.event);
    if (!walker.isThreshold(reached)) return undefined;
    await mi.startSearch(walker.gdb, way.event + 1);
    await this.orElse(
      withBreakpoints(() => walker.walk(way.legs)),
      mi.endSearch,
    );
    return mi.endSearch(walker.gdb, true);
  }

  private async lastHitBefore(event: number, withBreakpoints: (how: () => Promise<Stop>) => Promise<Stop>) {
    const { walker } = this;
    if (walker.stop.kind !== 'boundary') return undefined;
    await mi.startSearch(walker.gdb, event);
    await walker.setTarget(event);
    await this.orElse(
      withBreakpoints(() => walker.run(mi.resume)),
      mi.endSearch,
    );
    return mi.endSearch(walker.gdb, false);
  }

  private beforeEntry(event: number, unit: Unit): Promise<Stop> {
    return event > this.walker.first ? this.lastOf(event, unit) : this.walker.seekEntry(event);
  }

  /** To the last line of what happened before an event: of the event before, or of the one in which it is nested. */
  private async lastOf(event: number, unit: Unit): Promise<Stop> {
    const { walker } = this;
    if (event <= walker.first) return walker.stop;
    await walker.seek(event - 1);
    const { position: outer } = walker;
    const entered = await walker.seekEntry(outer);
    if (entered.kind !== 'entry') return entered;
    await mi.planTrace(walker.gdb, outer, 0, unit);
    const reached = await walker.seekThreshold(outer);
    if (!walker.isThreshold(reached)) return reached;
    const found = await this.traced(false, () => this.toBeginningOf(event));
    if (walker.stop.kind === 'pause') return walker.stop;
    return found === undefined ? walker.seekEntry(outer) : walker.seekPlace({ ...found, event: outer });
  }

  private async toBeginningOf(event: number): Promise<Stop> {
    const { walker } = this;
    await walker.setTarget(event);
    return walker.withThresholds(async () => {
      for (;;) {
        const stop = await walker.run(mi.resume);
        if (!walker.isThreshold(stop) || walker.position >= event) return stop;
      }
    });
  }

  private async traced(passing: boolean, how: () => Promise<Stop>) {
    const { gdb } = this.walker;
    await mi.startTrace(gdb);
    await this.orElse(how(), mi.endTrace);
    return mi.endTrace(gdb, passing);
  }

  /** gdb must not go on writing down when a walk fails. */
  private async orElse(walk: Promise<Stop>, end: (gdb: Gdb, passing: boolean) => Promise<unknown>): Promise<void> {
    try {
      await walk;
    } catch (error) {
      await end(this.walker.gdb, false).catch(() => undefined);
      throw error;
    }
  }

  /** The innermost frame of which the user has the source. */
  private async userLevel(): Promise<number> {
    const frames = await mi.stackFrames(this.walker.gdb, 0, FRAMES_LOOKED_AT);
    return frames.find((frame) => !isInfrastructure(frame) && frame.line !== undefined)?.level ?? 0;
  }
}
