// Walks a replay: between events by seeking, inside an event by letting gdb run. Remembers the way that it came.
//
// A replay stands at a boundary between two events, or inside the react() of one. gdb alone knows lines; the replayer alone
// knows events. They meet at two hidden breakpoints, which the user never sees:
//
//     afterimage_stop_here      the replayer has reached the target written into afterimage_replay
//     afterimage_before_react   an event's threshold: what happens next is its react(). Enabled only while we look for one
//
//     seek(n)      forward: write the target, continue; the replayer takes the shortest way. Back, or out of a crash: write the
//                  target, go on at afterimage_rewind
//     enterNext    continue to the next threshold, finish, then step until the code is the user's
//
// The way is how a place inside an event is found again: the legs that led to it from the event's threshold, each of which
// ends at the same place whenever it is walked again.

import * as mi from '../gdb/commands';
import { type Gdb, GdbFailure } from '../gdb/gdb';
import { type Debuggee } from './debuggee';
import { type Command } from './faults';
import { isInfrastructure, isLast, type Stop, whereabouts } from './stops';

export type Leg =
  /** From the threshold to the first line of react(). */
  | { readonly kind: 'enter' }
  /** Until this command is through, or as far as the program goes. */
  | { readonly kind: 'command'; readonly command: Command }
  /** Until an instruction has been reached so often, counted from where the leg begins. */
  | { readonly kind: 'arrive'; readonly place: mi.Place };

export interface Way {
  readonly event: number;
  /** A change of memory, counted from where the leg begins, must be found (changes.ts) before it can be walked to. */
  readonly legs: readonly (Leg | { readonly kind: 'change'; readonly change: mi.ChangeOf })[];
}

const STEPS_INTO_REACT = 12;
const FRAMES_LOOKED_AT = 64;

export class Walker {
  stop: Stop = { kind: 'boundary' };
  /** From the threshold of an event to here; undefined when it is not known, as after a pause. */
  way: Way | undefined;

  constructor(readonly debuggee: Debuggee) {}

  get gdb(): Gdb {
    return this.debuggee.gdb;
  }

  get position(): number {
    return this.debuggee.block.position;
  }

  get first(): number {
    return this.debuggee.block.first;
  }

  get end(): number {
    return this.debuggee.block.end;
  }

  get atEnd(): boolean {
    return this.stop.kind === 'boundary' && this.position >= this.end;
  }

  setTarget(position: number): Promise<void> {
    return this.debuggee.setTarget(position);
  }

  /** Lets the program run; where that leads from the threshold is not known. */
  async run(command: Command): Promise<Stop> {
    this.way = undefined;
    return (this.stop = await this.debuggee.run(command));
  }

  // ---- between events

  /** To the first line of an event's react(); to the boundary behind the last event when `event` is the end. */
  async seekEntry(event: number): Promise<Stop> {
    const reached = await this.seek(event);
    return reached.kind !== 'boundary' || event >= this.end ? reached : this.enterEvent(event);
  }

  /** To the boundary before an event. Before a nested event there is none, also if the process ended inside: then to the one before the event around it. */
  async seek(event: number): Promise<Stop> {
    for (let target = event; ; target--) {
      const reached = await this.seekBoundary(target);
      if (isLast(reached) && event < this.end && target > this.first) target = Math.min(target, this.position + 1);
      else if (reached.kind !== 'boundary' || this.position <= event || target <= this.first) return reached;
    }
  }

  private async seekBoundary(target: number): Promise<Stop> {
    if (this.stop.kind === 'boundary' && this.position === target) return this.stop;
    this.way = undefined;
    const isAhead = target > this.position && !isLast(this.stop);
    return (this.stop = await (isAhead ? this.debuggee.seekAhead(target) : this.debuggee.rewind(target, this.stop)));
  }

  /** To the threshold of an event, which must not be the end. The target is the end of the recording then. */
  async seekThreshold(event: number): Promise<Stop> {
    const reached = await this.seek(event);
    return reached.kind === 'boundary' ? this.thresholdOf(event) : reached;
  }

  private async enterEvent(event: number): Promise<Stop> {
    const reached = await this.thresholdOf(event);
    return this.isThreshold(reached) ? this.enter() : reached;
  }

  private async thresholdOf(event: number): Promise<Stop> {
    await this.setTarget(this.end);
    for (;;) {
      const stop = await this.nextThreshold();
      if (!this.isThreshold(stop) || this.position >= event) return stop;
    }
  }

  /** To the first line of the next react() that is begun. The target must be ahead. */
  async enterNext(): Promise<Stop> {
    const reached = await this.nextThreshold();
    return this.isThreshold(reached) ? this.enter() : reached;
  }

  /** To the next threshold, or to what comes before it. */
  nextThreshold(): Promise<Stop> {
    return this.withThresholds(() => this.goOn());
  }

  async withThresholds(how: () => Promise<Stop>): Promise<Stop> {
    const { beforeReact } = this.debuggee;
    await mi.enableBreakpoints(this.gdb, [beforeReact]);
    return how().finally(() => mi.disableBreakpoints(this.gdb, [beforeReact]).catch(ignoreDeath));
  }

  isThreshold(stop: Stop): boolean {
    return stop.kind === 'breakpoint' && stop.numbers.includes(this.debuggee.beforeReact);
  }

  // ---- inside an event

  /** The replayer stops early at a target that was written before: a seek that was paused. Then it goes on. */
  async goOn(): Promise<Stop> {
    for (;;) {
      const before = this.position;
      const stop = await this.leg(mi.resume);
      if (stop.kind !== 'boundary' || this.position >= this.end || this.position <= before) return stop;
    }
  }

  /** One command of a step, and what it takes not to end in the library's code. */
  async step(command: Command): Promise<Stop> {
    for (;;) {
      const stop = await this.leg(command);
      if (stop.kind !== 'step') return stop;
      const place = whereabouts(await mi.stackFrames(this.gdb, 0, FRAMES_LOOKED_AT));
      if (place.kind === 'user') return stop;
      if (place.kind === 'left') return this.enterNext();
      command = (gdb) => mi.finishFrame(gdb, place.from - 1);
    }
  }

  /** From the threshold to the caller, and then as often as it takes to leave the library's headers. */
  async enter(): Promise<Stop> {
    let stop = await this.run(mi.finish);
    for (let steps = 0; stop.kind === 'step' && steps < STEPS_INTO_REACT; steps++) {
      const [frame] = await mi.stackFrames(this.gdb, 0, 0);
      if (frame === undefined || frame.line === undefined || !isInfrastructure(frame)) break;
      stop = await this.run(mi.step);
    }
    if (stop.kind === 'step') this.way = { event: this.position, legs: [{ kind: 'enter' }] };
    if (isHit(stop)) this.way = { event: this.position, legs: [await this.legToHit(stop)] };
    return (this.stop = stop.kind === 'step' ? { kind: 'entry' } : stop);
  }

  /** A command of which the way is made. */
  private async leg(command: Command): Promise<Stop> {
    await mi.startCounting(this.gdb);
    const { way, position } = this;
    const stop = await this.run(command);
    this.way = await this.continued(way, position, stop, command);
    return stop;
  }

  private async continued(way: Way | undefined, from: number, stop: Stop, command: Command): Promise<Way | undefined> {
    if (['boundary', 'pause'].includes(stop.kind) || this.isThreshold(stop)) return undefined;
    const event = this.position;
    const leg = isHit(stop) ? await this.legToHit(stop) : ({ kind: 'command', command } as const);
    if (way?.event === event) return { event, legs: [...way.legs, leg] };
    if (event <= from || stop.kind === 'step') return undefined;
    // Into an event that began on this leg: arrivals, counted by event, have been counted from its threshold.
    return { event, legs: [isLast(stop) ? { kind: 'command', command: mi.resume } : leg] };
  }

  private async legToHit(stop: HitStop): Promise<Way['legs'][number]> {
    if (stop.kind === 'changed') return { kind: 'change', change: await mi.lastChange(this.gdb, stop.number) };
    return { kind: 'arrive', place: await mi.lastArrival(this.gdb, stop.numbers[0]!) };
  }

  /** Walks a way again, from the threshold of its event. */
  async walk(legs: readonly Leg[]): Promise<Stop> {
    for (const leg of legs) await this.walkLeg(leg);
    return this.stop;
  }

  private walkLeg(leg: Leg): Promise<Stop> {
    if (leg.kind === 'arrive') return this.arrive(leg.place);
    return leg.kind === 'enter' ? this.enter() : this.run(leg.command);
  }

  private async arrive(place: mi.Place): Promise<Stop> {
    const number = await mi.insertArrival(this.gdb, place);
    const stop = await this.run(mi.resume).finally(() => mi.removeArrival(this.gdb).catch(ignoreDeath));
    if (stop.kind === 'breakpoint' && stop.numbers.includes(number)) this.stop = { kind: 'step' };
    return this.stop;
  }

  /** To a place inside an event. */
  async seekPlace(place: mi.Place): Promise<Stop> {
    const reached = await this.seekThreshold(place.event);
    if (!this.isThreshold(reached)) return reached;
    await this.setTarget(place.event + 1); // should it not be reached
    const stop = await this.arrive(place);
    if (stop.kind === 'step') this.way = { event: place.event, legs: [{ kind: 'arrive', place }] };
    return stop;
  }
}

type HitStop = Extract<Stop, { kind: 'breakpoint' | 'changed' }>;
const isHit = (stop: Stop): stop is HitStop => stop.kind === 'breakpoint' || stop.kind === 'changed';

function ignoreDeath(error: unknown): void {
  if (!(error instanceof GdbFailure) || error.code !== 'gdb-died') throw error;
}
