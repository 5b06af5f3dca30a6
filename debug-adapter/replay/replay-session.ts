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
import * as path from 'node:path';
import * as mi from '../gdb/commands';
import { Gdb, GdbFailure } from '../gdb/gdb';
import { type MiTuple, miString } from '../gdb/mi-parser';
import { packageRoot } from '../package-root';
import { type ReactorInfo, type Recording } from '../recording';
import { notOurLibrary, replayerEnded } from './errors';
import { BLOCK_BYTES, decodeBlock, encodeTarget, type ReplayBlock, TARGET_OFFSET } from './replay-block';
import { Replayer } from './replayer';
import { type Divergence } from './reports';
import { isInfrastructure, type ReplayedCrash, signalNumber, type Stop, whereabouts } from './stops';

export interface ReplaySessionOptions {
  readonly recording: Recording;
  readonly reactor: ReactorInfo;
  /** From findProgram. */
  readonly program: string;
  /** Path or name of the gdb to use. */
  readonly gdb: string;
  readonly onOutput: (text: string) => void;
}

interface ReplaySessionEvents {
  divergence: [divergence: Divergence];
  /** A log point spoke. */
  log: [text: string];
  notify: [name: string, results: MiTuple];
  /** gdb died, and nothing more can be done here. */
  died: [failure: Error];
}

const GDB_SCRIPTS = ['values.py', 'children.py', 'breakpoints.py', 'exit.py'];
const LOG_MARK = '\x1e';
const STEPS_INTO_REACT = 12;
const FRAMES_LOOKED_AT = 64;

export class ReplaySession extends EventEmitter<ReplaySessionEvents> {
  private stop: Stop = { kind: 'boundary' };
  private block!: ReplayBlock;
  private blockAddress = 0n;
  private rewindAddress = 0n;
  private beforeReact = '';
  private stopHere = '';
  private userBreakpoints: readonly string[] = [];
  private isRunning = false;

  private constructor(
    readonly gdb: Gdb,
    private readonly replayer: Replayer,
    private readonly pid: number,
    private readonly snapshotPositions: readonly number[],
  ) {
    super();
    replayer.on('divergence', (divergence) => this.emit('divergence', divergence));
    gdb.on('console', (text) => this.hear(text));
    gdb.on('notify', (name, results) => this.emit('notify', name, results));
    gdb.on('died', (failure) => this.emit('died', failure));
  }

  /** Starts replayer and gdb; stands at the first position afterwards. */
  static async open(options: ReplaySessionOptions): Promise<ReplaySession> {
    const { recording, reactor, program, onOutput } = options;
    const scripts = GDB_SCRIPTS.map((name) => path.join(packageRoot(), 'debug-adapter/gdb', name));
    const gdb = await Gdb.start({ gdb: options.gdb, scripts });
    let replayer: Replayer | undefined;
    try {
      replayer = Replayer.start(recording, { reactor: reactor.id, program, waitDebugger: true, onOutput });
      const { pid } = await replayer.ready();
      const positions = recording.snapshots(reactor.id).map(({ position }) => position);
      const session = new ReplaySession(gdb, replayer, pid, positions);
      await session.attach();
      return session;
    } catch (error) {
      await gdb.close();
      replayer?.kill();
      throw error;
    }
  }

  private async attach(): Promise<void> {
    await mi.attach(this.gdb, this.pid);
    this.stopHere = await mi.insertHidden(this.gdb, 'afterimage_stop_here');
    this.beforeReact = await mi.insertHidden(this.gdb, 'afterimage_before_react');
    await mi.disableBreakpoints(this.gdb, [this.beforeReact]);
    this.blockAddress = await mi.evaluateNumber(this.gdb, '&afterimage_replay');
    this.rewindAddress = await mi.evaluateNumber(this.gdb, '&afterimage_rewind');
    await this.settle(await mi.resume(this.gdb));
  }

  // ---- where it stands

  get position(): number {
    return this.block.position;
  }

  get first(): number {
    return this.block.first;
  }

  get end(): number {
    return this.block.end;
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
    return this.block;
  }

  get divergences(): readonly Divergence[] {
    return this.replayer.divergences;
  }

  // ---- moves

  /** To the first line of the react() of an event; to the boundary behind the last event when `event` is the end. */
  goTo(event: number): Promise<Stop> {
    return this.move(async () => {
      const reached = await this.withoutBreakpoints(() => this.seek(event));
      if (reached.kind !== 'boundary' || event >= this.end) return reached;
      return this.withoutBreakpoints(() => this.enterEvent(event));
    });
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
    try {
      process.kill(this.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
    await this.gdb.close();
    this.replayer.kill();
  }

  // ---- how

  private async move(how: () => Promise<Stop>): Promise<Stop> {
    this.isRunning = true;
    try {
      this.stop = await how();
      return this.stop;
    } finally {
      this.isRunning = false;
      this.gdb.off('running', this.interruptNext);
    }
  }

  private readonly interruptNext = () => void mi.interrupt(this.gdb).catch(() => undefined); // it may have stopped by itself

  /** Nothing follows a crash or the end: the move ends where it began. */
  private forward(how: () => Promise<Stop>): Promise<Stop> {
    return this.move(async () => {
      if (this.stop.kind === 'crash' || this.atEnd()) return this.stop;
      await this.setTarget(this.end);
      if (this.stop.kind === 'boundary') return this.enterNext();
      return how();
    });
  }

  private atEnd(): boolean {
    return this.stop.kind === 'boundary' && this.position >= this.end;
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
    await this.setTarget(target);
    const stop = this.canGoOnTo(target) ? await mi.resume(this.gdb) : await mi.jump(this.gdb, this.rewindAddress);
    return (this.stop = await this.settle(stop));
  }

  /** Going on is right when the target is ahead and no snapshot lies between: that would be the shorter way. */
  private canGoOnTo(target: number): boolean {
    if (target <= this.position || this.stop.kind === 'crash') return false;
    return !this.snapshotPositions.some((position) => this.position < position && position <= target);
  }

  private async enterEvent(event: number): Promise<Stop> {
    await this.setTarget(this.end);
    for (;;) {
      const stop = await this.enterNext();
      if (stop.kind !== 'entry' || this.position >= event) return stop;
    }
  }

  /** To the first line of the next react() that is begun. The target must be ahead. */
  private async enterNext(): Promise<Stop> {
    await mi.enableBreakpoints(this.gdb, [this.beforeReact]);
    const stop = await this.resumeToEnd().finally(() => mi.disableBreakpoints(this.gdb, [this.beforeReact]).catch(ignoreDeath));
    const atReact = stop.kind === 'breakpoint' && stop.numbers.includes(this.beforeReact);
    return atReact ? this.stepIntoReact() : stop;
  }

  /** The replayer stops early at a target that was written before: a seek that was paused. Then it goes on. */
  private async resumeToEnd(): Promise<Stop> {
    for (;;) {
      const before = this.position;
      const stop = await this.settle(await mi.resume(this.gdb));
      if (stop.kind !== 'boundary' || this.position >= this.end || this.position <= before) return stop;
    }
  }

  /** From the hidden function to the caller, and then as often as it takes to leave the library's headers. */
  private async stepIntoReact(): Promise<Stop> {
    let stop = await mi.finish(this.gdb);
    for (let steps = 0; steps < STEPS_INTO_REACT; steps++) {
      const frame = mi.stopFrame(stop);
      const arrived = frame === undefined || frame.line === undefined || !isInfrastructure(frame);
      if (arrived || !isStepEnd(stop)) break;
      stop = await mi.step(this.gdb);
    }
    const settled = await this.settle(stop);
    return settled.kind === 'step' ? { kind: 'entry' } : settled;
  }

  private async stepWith(command: (gdb: Gdb) => Promise<MiTuple>): Promise<Stop> {
    for (;;) {
      const stop = await this.settle(await command(this.gdb));
      if (stop.kind !== 'step') return stop;
      const place = whereabouts(await mi.stackFrames(this.gdb, 0, FRAMES_LOOKED_AT));
      if (place.kind === 'user') return stop;
      if (place.kind === 'left') return this.enterNext();
      command = () => mi.finishFrame(this.gdb, place.from - 1);
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

  private setTarget(position: number): Promise<void> {
    return mi.writeMemory(this.gdb, this.blockAddress + BigInt(TARGET_OFFSET), encodeTarget(position));
  }

  /** What a stop of gdb means. */
  private async settle(stop: MiTuple): Promise<Stop> {
    const reason = miString(stop, 'reason') ?? '';
    if (reason.startsWith('exited')) throw replayerEnded(reason, miString(stop, 'signal-name') ?? '');
    await mi.forgetValues(this.gdb);
    await this.readBlock();
    if (isAt(stop, this.stopHere)) return { kind: 'boundary' };
    if (reason === 'breakpoint-hit') return { kind: 'breakpoint', numbers: [miString(stop, 'bkptno') ?? ''] };
    if (reason !== 'signal-received') return { kind: 'step' };
    const signal = signalNumber(miString(stop, 'signal-name') ?? '');
    return isPause(signal) ? { kind: 'pause' } : { kind: 'crash', crash: await this.readCrash(signal) };
  }

  private async readBlock(): Promise<void> {
    const block = decodeBlock(await mi.readMemory(this.gdb, this.blockAddress, BLOCK_BYTES));
    if (block === undefined) throw notOurLibrary();
    this.block = block;
  }

  private async readCrash(signal: number): Promise<ReplayedCrash> {
    const number = (expression: string) => mi.evaluateNumber(this.gdb, expression).catch(() => 0n);
    return {
      signal,
      code: Number(BigInt.asIntN(32, await number('$_siginfo.si_code'))),
      address: await number('$_siginfo._sifields._sigfault.si_addr'),
      rip: await number('$pc'),
      event: this.position,
    };
  }

  private hear(text: string): void {
    if (text.startsWith(LOG_MARK)) this.emit('log', JSON.parse(text.slice(LOG_MARK.length)) as string);
  }
}

const isAt = (stop: MiTuple, number: string): boolean => stop.reason === 'breakpoint-hit' && stop.bkptno === number;

const isStepEnd = (stop: MiTuple): boolean => ['end-stepping-range', 'function-finished'].includes(miString(stop, 'reason') ?? '');

/** SIGINT is how gdb interrupts; 0 and SIGSTOP are how it says so at times. */
const isPause = (signal: number): boolean => [0, 2, 19].includes(signal);

function ignoreDeath(error: unknown): void {
  if (!(error instanceof GdbFailure) || error.code !== 'gdb-died') throw error;
}
