// A replayer with gdb attached, as the debug session sees it: where it stands, and the moves that it can make.
//
// The user's breakpoints are disabled while we seek. Moves must not overlap; the caller waits for one before the next.

import { EventEmitter } from 'node:events';
import * as mi from '../gdb/commands';
import { Gdb, GdbFailure } from '../gdb/gdb';
import { type MiTuple } from '../gdb/mi-parser';
import { Backwards, type Unit } from './backwards';
import { Changes } from './changes';
import { type FindWritingEvent, LastWriter, type WritingEvent } from './last-writer';
import { Debuggee, ReplayerLost, type ReplaySessionOptions } from './debuggee';
import { type ReplayBlock } from './replay-block';
import { type Divergence, type Relocated } from './reports';
import { isInfrastructure, isLast, type Stop } from './stops';
import { Walker } from './walker';
import { grouped } from '../recording';

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

export class ReplaySession extends EventEmitter<ReplaySessionEvents> {
  private userBreakpoints: readonly string[] = [];
  private isRunning = false;

  private readonly walker: Walker;
  private readonly backwards: Backwards;
  private readonly lastWriter: LastWriter;

  private constructor(private readonly debuggee: Debuggee) {
    super();
    const { gdb } = debuggee;
    this.walker = new Walker(debuggee);
    const changes = new Changes(this.walker);
    this.backwards = new Backwards(this.walker, changes);
    this.lastWriter = new LastWriter(this.walker, changes);
    debuggee.on('divergence', (divergence) => this.emit('divergence', divergence));
    gdb.on('console', (text) => this.hear(text));
    gdb.on('notify', (name, results) => this.emit('notify', name, results));
    gdb.on('died', (failure) => this.emit('died', failure));
  }

  /** Starts replayer and gdb; stands at the first position afterwards. */
  static async open(options: ReplaySessionOptions): Promise<ReplaySession> {
    return new ReplaySession(await Debuggee.open(options));
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
    return this.walker.stop.kind !== 'boundary';
  }

  get lastStop(): Stop {
    return this.walker.stop;
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

  /** Set when the reactor could not be put where it was recorded. */
  get relocated(): Relocated | undefined {
    return this.debuggee.relocated;
  }

  // ---- moves

  /** To the first line of the react() of an event; to the boundary behind the last event when `event` is the end. */
  goTo(event: number): Promise<Stop> {
    return this.move(() => this.withoutBreakpoints(() => this.walker.seekEntry(event)));
  }

  /** To the next breakpoint, the crash, or the end. */
  continue(): Promise<Stop> {
    return this.forward(() => this.walker.goOn());
  }

  /** To the crash, whatever breakpoints there are on the way. */
  async toCrash(event: number): Promise<Stop> {
    await this.goTo(event);
    return this.forward(() => this.withoutBreakpoints(() => this.walker.goOn()));
  }

  next(instruction = false): Promise<Stop> {
    return this.forward(() => this.walker.step(instruction ? mi.nextInstruction : mi.next));
  }

  stepIn(instruction = false): Promise<Stop> {
    return this.forward(() => this.walker.step(instruction ? mi.stepInstruction : mi.step));
  }

  stepOut(): Promise<Stop> {
    return this.forward(async () => {
      const [, caller] = await mi.stackFrames(this.gdb, 0, 1);
      if (caller === undefined || isInfrastructure(caller)) return this.walker.enterNext();
      return this.walker.step(mi.finish);
    });
  }

  /** To where the line began that came before, stepping over calls. */
  stepBack(unit: Unit): Promise<Stop> {
    return this.move(() => this.withoutBreakpoints(() => this.backwards.stepBack(unit)));
  }

  /** To the breakpoint that was hit before, or before the write that one on memory watches; conditions count, hit counts do not. */
  reverseContinue(): Promise<Stop> {
    return this.move(() => this.withoutBreakpoints(() => this.backwards.reverseContinue((how) => this.withBreakpoints(how))));
  }

  /** To the instruction that changed the memory last before here, and which event that is in; nowhere when there is none. */
  async toLastWrite(memory: mi.Memory, find: FindWritingEvent): Promise<{ stop: Stop; found: WritingEvent | undefined }> {
    let found: WritingEvent | undefined;
    const stop = await this.move(() =>
      this.withoutBreakpoints(async () => {
        found = await this.lastWriter.seek(memory, find);
        return this.walker.stop;
      }),
    );
    return { stop, found };
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
      return (this.walker.stop = await how());
    } catch (error) {
      if (!(error instanceof ReplayerLost)) throw error;
      return (this.walker.stop = await this.backAfterLoss(error));
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
      `The replayed program ended itself (${how}), in event ${grouped(event)} or later. It was started again, and stands at that event.`,
    );
    await this.debuggee.relaunch();
    this.walker.stop = { kind: 'boundary' };
    return this.withoutBreakpoints(() => this.walker.seekEntry(event));
  }

  private readonly interruptNext = () => void mi.interrupt(this.gdb).catch(() => undefined); // it may have stopped by itself

  /** Nothing follows a crash or the end: the move ends where it began. */
  private forward(how: () => Promise<Stop>): Promise<Stop> {
    return this.move(async () => {
      if (isLast(this.walker.stop) || this.walker.atEnd) return this.walker.stop;
      await this.walker.setTarget(this.end);
      if (this.walker.stop.kind === 'boundary') return this.walker.enterNext();
      return how();
    });
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

  private async withBreakpoints(how: () => Promise<Stop>): Promise<Stop> {
    const numbers = this.userBreakpoints;
    await mi.enableBreakpoints(this.gdb, numbers);
    return how().finally(() => mi.disableBreakpoints(this.gdb, numbers).catch(ignoreDeath));
  }

  private hear(text: string): void {
    if (text.startsWith(LOG_MARK)) this.emit('log', JSON.parse(text.slice(LOG_MARK.length)) as string);
  }
}

function ignoreDeath(error: unknown): void {
  if (!(error instanceof GdbFailure) || error.code !== 'gdb-died') throw error;
}
