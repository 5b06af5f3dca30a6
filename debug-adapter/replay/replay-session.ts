// A replayer with gdb attached: the one place where the two are moved together.
//
// A replay stands at a boundary between two events, or inside the react() of one. gdb alone knows lines; the replayer alone
// knows events. They meet at two hidden breakpoints, which the user never sees:
//
//     afterimage_stop_here      the replayer has reached the target written into afterimage_replay
//     afterimage_before_react   the next thing that happens is react(); enabled only while we look for an event's beginning
//
//     seek(n)   forward: write the target, continue. Back, or out of a crash: write the target, go on at afterimage_rewind
//     enter     continue to afterimage_before_react, finish, then step until the code is the user's
//
// The user's breakpoints are disabled while we seek. Moves must not overlap; the caller waits for one before the next.

import { EventEmitter } from 'node:events';
import * as mi from '../gdb/commands';
import { Gdb, GdbFailure } from '../gdb/gdb';
import { type MiTuple } from '../gdb/mi-parser';
import { type Command, Debuggee, ReplayerLost, type ReplaySessionOptions } from './debuggee';
import { type ReplayBlock } from './replay-block';
import { type Divergence } from './reports';
import { isInfrastructure, isLast, type Stop, whereabouts } from './stops';

interface ReplaySessionEvents {
  divergence: [divergence: Divergence];
  /** A log point spoke. */
  log: [text: string];
  /** What the user should know about the move that is under way. */
  notice: [text: string];
  notify: [name: string, results: MiTuple];
  /** gdb died, and nothing more can be done here. */
  died: [failure: Error];
}

const LOG_MARK = '\x1e';
const STEPS_INTO_REACT = 12;
const FRAMES_LOOKED_AT = 64;

export class ReplaySession extends EventEmitter<ReplaySessionEvents> {
  private stop: Stop = { kind: 'boundary' };
  private userBreakpoints: readonly string[] = [];
  private isRunning = false;

  private constructor(
    private readonly debuggee: Debuggee,
    private readonly snapshotPositions: readonly number[],
  ) {
    super();
    const { gdb } = debuggee;
    debuggee.on('divergence', (divergence) => this.emit('divergence', divergence));
    gdb.on('console', (text) => this.hear(text));
    gdb.on('notify', (name, results) => this.emit('notify', name, results));
    gdb.on('died', (failure) => this.emit('died', failure));
  }

  /** Starts replayer and gdb; stands at the first position afterwards. */
  static async open(options: ReplaySessionOptions): Promise<ReplaySession> {
    const positions = options.recording.snapshots(options.reactor.id).map(({ position }) => position);
    return new ReplaySession(await Debuggee.open(options), positions);
  }

  // ---- where it stands

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

  get inReact(): boolean {
    return this.stop.kind !== 'boundary';
  }

  get lastStop(): Stop {
    return this.stop;
  }

  get running(): boolean {
    return this.isRunning;
  }

  /** The reactor, and the payload of the event that is processed. */
  get addresses(): Pick<ReplayBlock, 'object' | 'payload' | 'payloadBytes'> {
    return this.debuggee.block;
  }

  get divergences(): readonly Divergence[] {
    return this.debuggee.divergences;
  }

  // ---- moves

  /** To the first line of the react() of an event; to the boundary behind the last event when `event` is the end. */
  goTo(event: number): Promise<Stop> {
    return this.move(() => this.withoutBreakpoints(() => this.seekEntry(event)));
  }

  /** To the next breakpoint, the crash, or the end. */
  continue(): Promise<Stop> {
    return this.forward(() => this.resumeToEnd());
  }

  /** To the crash, whatever breakpoints there are on the way. */
  async toCrash(event: number): Promise<Stop> {
    await this.goTo(event);
    return this.forward(() => this.withoutBreakpoints(() => this.resumeToEnd()));
  }

  next(instruction = false): Promise<Stop> {
    return this.forward(() => this.stepWith(instruction ? mi.nextInstruction : mi.next));
  }

  stepIn(instruction = false): Promise<Stop> {
    return this.forward(() => this.stepWith(instruction ? mi.stepInstruction : mi.step));
  }

  stepOut(): Promise<Stop> {
    return this.forward(async () => {
      const [, caller] = await mi.stackFrames(this.gdb, 0, 1);
      if (caller === undefined || isInfrastructure(caller)) return this.enterNext();
      return this.stepWith(mi.finish);
    });
  }

  /** Makes the move that is under way stop where it is. */
  async pause(): Promise<void> {
    if (!this.isRunning) return;
    // A move consists of several commands. Between them there is nothing to interrupt: then the next one is.
    if (this.gdb.programRuns) await mi.interrupt(this.gdb);
    else this.gdb.once('running', this.interruptNext);
  }

  /** The breakpoints to be left alone while seeking: all that the user has. */
  setUserBreakpoints(numbers: readonly string[]): void {
    this.userBreakpoints = numbers;
  }

  /** Ends gdb and the replayer, whatever they are doing. */
  async close(): Promise<void> {
    this.removeAllListeners('died');
    await this.debuggee.close();
  }

  // ---- how

  private async move(how: () => Promise<Stop>): Promise<Stop> {
    this.isRunning = true;
    try {
      this.stop = await how();
      return this.stop;
    } catch (error) {
      if (!(error instanceof ReplayerLost)) throw error;
      return (this.stop = await this.backAfterLoss(error));
    } finally {
      this.isRunning = false;
      this.gdb.off('running', this.interruptNext);
    }
  }

  /** The program has ended itself in a way that cannot be stopped: back to where it was last seen. */
  private async backAfterLoss({ how }: ReplayerLost): Promise<Stop> {
    const event = this.position;
    this.emit(
      'notice',
      `The replayed program ended itself (${how}), in event ${event} or later. It was started again, and stands at that event.`,
    );
    await this.debuggee.relaunch();
    this.stop = { kind: 'boundary' };
    return this.withoutBreakpoints(() => this.seekEntry(event));
  }

  private readonly interruptNext = () => void mi.interrupt(this.gdb).catch(() => undefined); // it may have stopped by itself

  /** Nothing follows a crash or the end: the move ends where it began. */
  private forward(how: () => Promise<Stop>): Promise<Stop> {
    return this.move(async () => {
      if (isLast(this.stop) || this.atEnd()) return this.stop;
      await this.debuggee.setTarget(this.end);
      if (this.stop.kind === 'boundary') return this.enterNext();
      return how();
    });
  }

  private atEnd(): boolean {
    return this.stop.kind === 'boundary' && this.position >= this.end;
  }

  private async seekEntry(event: number): Promise<Stop> {
    const reached = await this.seek(event);
    return reached.kind !== 'boundary' || event >= this.end ? reached : this.enterEvent(event);
  }

  /** To the boundary before an event. Before a nested event there is none: then to the one before the event around it. */
  private async seek(event: number): Promise<Stop> {
    for (let target = event; ; target--) {
      const reached = await this.seekBoundary(target);
      if (reached.kind !== 'boundary' || this.position <= event || target <= this.first) return reached;
    }
  }

  private async seekBoundary(target: number): Promise<Stop> {
    if (this.stop.kind === 'boundary' && this.position === target) return this.stop;
    if (!this.canGoOnTo(target)) return (this.stop = await this.debuggee.rewind(target, this.stop));
    await this.debuggee.setTarget(target);
    return (this.stop = await this.debuggee.run(mi.resume));
  }

  /** Going on is right when the target is ahead and no snapshot lies between: that would be the shorter way. */
  private canGoOnTo(target: number): boolean {
    if (target <= this.position || isLast(this.stop)) return false;
    return !this.snapshotPositions.some((position) => this.position < position && position <= target);
  }

  private async enterEvent(event: number): Promise<Stop> {
    await this.debuggee.setTarget(this.end);
    for (;;) {
      const stop = await this.enterNext();
      if (stop.kind !== 'entry' || this.position >= event) return stop;
    }
  }

  /** To the first line of the next react() that is begun. The target must be ahead. */
  private async enterNext(): Promise<Stop> {
    await mi.enableBreakpoints(this.gdb, [this.debuggee.beforeReact]);
    const stop = await this.resumeToEnd().finally(() => mi.disableBreakpoints(this.gdb, [this.debuggee.beforeReact]).catch(ignoreDeath));
    const atReact = stop.kind === 'breakpoint' && stop.numbers.includes(this.debuggee.beforeReact);
    return atReact ? this.stepIntoReact() : stop;
  }

  /** The replayer stops early at a target that was written before: a seek that was paused. Then it goes on. */
  private async resumeToEnd(): Promise<Stop> {
    for (;;) {
      const before = this.position;
      const stop = await this.debuggee.run(mi.resume);
      if (stop.kind !== 'boundary' || this.position >= this.end || this.position <= before) return stop;
    }
  }

  /** From the hidden function to the caller, and then as often as it takes to leave the library's headers. */
  private async stepIntoReact(): Promise<Stop> {
    let stop = await this.debuggee.run(mi.finish);
    for (let steps = 0; stop.kind === 'step' && steps < STEPS_INTO_REACT; steps++) {
      const [frame] = await mi.stackFrames(this.gdb, 0, 0);
      if (frame === undefined || frame.line === undefined || !isInfrastructure(frame)) break;
      stop = await this.debuggee.run(mi.step);
    }
    return stop.kind === 'step' ? { kind: 'entry' } : stop;
  }

  private async stepWith(command: Command): Promise<Stop> {
    for (;;) {
      const stop = await this.debuggee.run(command);
      if (stop.kind !== 'step') return stop;
      const place = whereabouts(await mi.stackFrames(this.gdb, 0, FRAMES_LOOKED_AT));
      if (place.kind === 'user') return stop;
      if (place.kind === 'left') return this.enterNext();
      command = (gdb) => mi.finishFrame(gdb, place.from - 1);
    }
  }

  private async withoutBreakpoints(how: () => Promise<Stop>): Promise<Stop> {
    const numbers = this.userBreakpoints;
    await mi.disableBreakpoints(this.gdb, numbers);
    try {
      return await how();
    } finally {
      if (numbers.length > 0) await mi.enableBreakpoints(this.gdb, numbers).catch(ignoreDeath);
    }
  }

  private hear(text: string): void {
    if (text.startsWith(LOG_MARK)) this.emit('log', JSON.parse(text.slice(LOG_MARK.length)) as string);
  }
}

function ignoreDeath(error: unknown): void {
  if (!(error instanceof GdbFailure) || error.code !== 'gdb-died') throw error;
}
