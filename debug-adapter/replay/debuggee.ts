// gdb and the replayer that it is attached to: whatever moves, moves through this.
//
// The replayer may be lost: the replayed program can kill itself, and it cannot be sent back when it stands where a lock may be
// held (debug-adapter/gdb/rewindable.py). Then another replayer takes its place, under the same gdb: its modules are at the
// same addresses, so symbols and breakpoints stay as they are.

import { EventEmitter } from 'node:events';
import * as path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as mi from '../gdb/commands';
import { Gdb, isRefusal } from '../gdb/gdb';
import { type MiTuple, miString, miTuple } from '../gdb/mi-parser';
import { packageRoot } from '../package-root';
import { type ReactorInfo, type Recording } from '../recording';
import { type Command, Faults } from './faults';
import { notOurLibrary, replayerEnded } from './errors';
import { librariesElsewhere } from './modules';
import { BLOCK_BYTES, decodeBlock, encodeWord, type ReplayBlock, SHORTEST_WAY_OFFSET, TARGET_OFFSET } from './replay-block';
import { Replayer } from './replayer';
import { type Divergence, type Relocated } from './reports';
import { type ReplayedCrash, signalNumber, type Stop } from './stops';

export interface ReplaySessionOptions {
  readonly recording: Recording;
  readonly reactor: ReactorInfo;
  /** From findProgram. */
  readonly program: string;
  /** Path or name of the gdb to use. */
  readonly gdb: string;
  readonly onOutput: (text: string) => void;
}

/** The replayed program has ended, without a stop before. */
export class ReplayerLost extends Error {
  constructor(readonly how: string) {
    super(`The replayed program has ended (${how}).`);
  }
}

interface DebuggeeEvents {
  divergence: [divergence: Divergence];
}

const GDB_SCRIPTS = [
  'values.py',
  'children.py',
  'disassembly.py',
  'event_types.py',
  'arrivals.py',
  'watch.py',
  'breakpoints.py',
  'trace.py',
  'rewindable.py',
  'time_stamps.py',
  'exit.py',
];
const ENDINGS = ['exit', '_exit', 'quick_exit', 'execve'];

export class Debuggee extends EventEmitter<DebuggeeEvents> {
  readonly divergences: Divergence[] = [];
  block!: ReplayBlock;
  beforeReact = '';
  private stopHere = '';
  /** Functions that end the program, by the number of the breakpoint on them. */
  private readonly endings = new Map<string, string>();
  private readonly faults: Faults;
  private blockAddress = 0n;
  private rewindAddress = 0n;
  private replayer!: Replayer;
  private pid = 0;

  private constructor(
    readonly gdb: Gdb,
    private readonly options: ReplaySessionOptions,
  ) {
    super();
    this.faults = new Faults(gdb);
  }

  /** Starts gdb and the replayer; stands at the first position afterwards. */
  static async open(options: ReplaySessionOptions): Promise<Debuggee> {
    const scripts = GDB_SCRIPTS.map((name) => path.join(packageRoot(), 'debug-adapter/gdb', name));
    const debuggee = new Debuggee(await Gdb.start({ gdb: options.gdb, scripts }), options);
    try {
      await debuggee.takeFilesElsewhere();
      await debuggee.startReplayer();
      await debuggee.insertHidden();
      await debuggee.run(mi.resume);
      return debuggee;
    } catch (error) {
      await debuggee.close();
      throw error;
    }
  }

  /** Lets the program run until the stop that follows. Throws ReplayerLost when none does. */
  async run(command: Command): Promise<Stop> {
    for (;;) {
      const stop = await this.settle(await this.faults.carryOut(command));
      if (stop.kind !== 'exit' || this.block.inReact) return stop;
      command = mi.resume; // the replayer itself ends, and says why when it has
    }
  }

  setTarget(position: number): Promise<void> {
    return this.writeWord(TARGET_OFFSET, position);
  }

  /** To the boundary `target` ahead, when the event in progress is over. Events on the way are replayed only if that is the shortest way. */
  async seekAhead(target: number): Promise<Stop> {
    await this.setTarget(target);
    await this.writeWord(SHORTEST_WAY_OFFSET, 1);
    return this.run(mi.resume);
  }

  /** To the boundary `target`, from a snapshot, whatever the program is doing; `stop` is where it stands. */
  async rewind(target: number, stop: Stop): Promise<Stop> {
    const aborting = stop.kind === 'crash' && stop.crash.signal === signalNumber('SIGABRT');
    if (!(await mi.isRewindable(this.gdb, aborting))) {
      await this.relaunch();
      await this.setTarget(target);
      return this.run(mi.resume);
    }
    await this.setTarget(target);
    return this.run((gdb) => mi.jump(gdb, this.rewindAddress));
  }

  get relocated(): Relocated | undefined {
    return this.replayer.relocated;
  }

  /** Another replayer in place of this one; stands at the first position afterwards. */
  async relaunch(): Promise<void> {
    await mi.kill(this.gdb).catch(ignoreRefusal); // it may have ended already
    this.replayer.removeAllListeners('divergence').kill();
    await this.startReplayer();
    await this.run(mi.resume);
  }

  /** Ends gdb and the replayer, whatever they are doing. */
  async close(): Promise<void> {
    if (this.pid > 0) killed(this.pid);
    await this.gdb.close();
    this.replayer?.kill();
  }

  /** What this machine does not have in the recorded build, gdb finds where the replayer does. */
  private async takeFilesElsewhere(): Promise<void> {
    const { recording, program } = this.options;
    const libraries = librariesElsewhere(recording);
    if (libraries === undefined) return;
    await mi.takeLibrariesFrom(this.gdb, libraries);
    await mi.loadProgram(this.gdb, program);
  }

  private async startReplayer(): Promise<void> {
    const { recording, reactor, program, onOutput } = this.options;
    this.replayer = Replayer.start(recording, { reactor: reactor.id, program, waitDebugger: true, onOutput });
    this.replayer.on('divergence', (divergence) => this.diverged(divergence));
    this.pid = (await this.replayer.ready()).pid;
    await mi.attach(this.gdb, this.pid);
  }

  private async insertHidden(): Promise<void> {
    this.stopHere = await mi.insertHidden(this.gdb, 'afterimage_stop_here');
    this.beforeReact = await mi.insertHidden(this.gdb, 'afterimage_before_react');
    await mi.disableBreakpoints(this.gdb, [this.beforeReact]);
    await this.faults.insertHidden();
    this.blockAddress = await mi.evaluateNumber(this.gdb, '&afterimage_replay');
    await mi.setClock(this.gdb, this.blockAddress);
    this.rewindAddress = await mi.evaluateNumber(this.gdb, '&afterimage_rewind');
    for (const name of ENDINGS) {
      const number = await mi.insertHidden(this.gdb, name).catch(ignoreRefusal); // not every C library has each
      if (number !== undefined) this.endings.set(number, name);
    }
  }

  /** Another replayer finds again what the one before has found. */
  private diverged(divergence: Divergence): void {
    if (this.divergences.some((known) => isDeepStrictEqual(known, divergence))) return;
    this.divergences.push(divergence);
    this.emit('divergence', divergence);
  }

  /** What a stop of gdb means. */
  private async settle(stop: MiTuple): Promise<Stop> {
    const reason = miString(stop, 'reason') ?? '';
    if (reason.startsWith('exited')) throw await this.lost(stop);
    await mi.forgetValues(this.gdb);
    await this.readBlock();
    if (reason === 'breakpoint-hit') return this.atBreakpoint(miString(stop, 'bkptno') ?? '');
    if (reason === 'watchpoint-trigger') return this.atChange(stop);
    if (reason !== 'signal-received') return { kind: 'step' };
    const signal = signalNumber(miString(stop, 'signal-name') ?? '');
    return isPause(signal) ? { kind: 'pause' } : { kind: 'crash', crash: await this.readCrash(signal) };
  }

  private atBreakpoint(number: string): Stop {
    if (number === this.stopHere) return { kind: 'boundary' };
    const ending = this.endings.get(number);
    return ending === undefined ? { kind: 'breakpoint', numbers: [number] } : { kind: 'exit', function: ending };
  }

  /** Ours, which stop where a change has been sought, have negative numbers. */
  private atChange(stop: MiTuple): Stop {
    const number = miString(miTuple(stop, 'wpt') ?? {}, 'number') ?? '';
    return Number(number) > 0 ? { kind: 'changed', number } : { kind: 'step' };
  }

  /** The program's end inside react() is the program's; outside it is the replayer's, which has said why. */
  private async lost(stop: MiTuple): Promise<Error> {
    const how = miString(stop, 'signal-name') ?? `exit code ${Number.parseInt(miString(stop, 'exit-code') ?? '0', 8)}`;
    const reported = await this.replayer.failure();
    return reported ?? (this.block === undefined ? replayerEnded(how, '') : new ReplayerLost(how));
  }

  private writeWord(offset: number, value: number): Promise<void> {
    return mi.writeMemory(this.gdb, this.blockAddress + BigInt(offset), encodeWord(value));
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
      event: this.block.position,
    };
  }
}

/** SIGINT is how gdb interrupts; 0 and SIGSTOP are how it says so at times. */
const isPause = (signal: number): boolean => [0, 2, 19].includes(signal);

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function ignoreRefusal(error: unknown): undefined {
  if (!isRefusal(error)) throw error;
}
