// One replay process: started through afterimage-launch, commanded on descriptor 3, heard on descriptor 4. A command is
// answered by one report; a crash of the program is an answer too. Progress and divergences come in between, as events.
//
//     plan -> afterimage-launch -> the recorded executable, its modules at their recorded addresses
//                 3 <- run N, last-write ..., quit          4 -> ready, progress, divergence, stopped | writes | crash

import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { type Readable, type Writable } from 'node:stream';
import { packageRoot } from '../package-root';
import { type Recording, UserError } from '../recording';
import { launchFailed, launcherMissing, lesserProcessor, noSnapshot, replayerEnded, replayerReported, stillRecording } from './errors';
import { librariesElsewhere } from './modules';
import { plan } from './plan';
import { compareProcessors, tunablesFor } from './processor';
import {
  type Answer,
  type Crash,
  type Difference,
  type Digest,
  type Divergence,
  type Finding,
  isFinding,
  type Located,
  parseReport,
  type Pages,
  type Ready,
  type Relocated,
  type Report,
  type Stopped,
  type Warning,
  type Writes,
} from './reports';

export interface ReplayOptions {
  readonly reactor: number;
  /** From findProgram. */
  readonly program: string;
  readonly waitDebugger?: boolean;
  /** Goes on although a library is another build than the recorded one. */
  readonly force?: boolean;
  /** Where the program's own output goes; it is dropped unless somebody wants it. */
  readonly onOutput?: (text: string) => void;
}

interface ReplayerEvents {
  progress: [position: number];
  divergence: [divergence: Divergence];
  exit: [];
}

const LAST_WORDS_BYTES = 4096;
const LAUNCHER_EXIT_CODES = [64, 65, 66, 67, 68, 69];

export class Replayer extends EventEmitter<ReplayerEvents> {
  readonly divergences: Divergence[] = [];
  /** How memory compared with the core dump where the last run ended, after expectPages(). */
  pages: Pages | undefined;
  readonly warnings: Warning[] = [];
  /** Known once it is ready: its slot was taken, and the replay is approximate. Of the restore that changed most. */
  relocated: Relocated | undefined;
  /** Of verify(). */
  readonly differences: Difference[] = [];
  private readonly waiting: { resolve: (report: Report) => void; reject: (error: Error) => void }[] = [];
  private readonly reports: Report[] = [];
  private lastWords = '';
  private ended: Error | undefined;
  private reported: Error | undefined;
  private readonly closed: Promise<unknown>;

  private constructor(private readonly child: ChildProcess) {
    super();
    const [, , , commands, reports] = child.stdio;
    (commands as Writable).on('error', () => undefined); // the end of the process says more than EPIPE
    createInterface({ input: reports as Readable }).on('line', (line) => this.take(line));
    child.on('error', (error) => this.end(launchFailed(`afterimage-launch could not be started: ${error.message}.`)));
    child.on('close', (code, signal) => this.end(this.endOf(code, signal)));
    this.closed = new Promise((resolve) => child.once('close', resolve));
  }

  /** Starts the process; commands may be given at once, they wait for `ready`. */
  static start(recording: Recording, options: ReplayOptions): Replayer {
    if (recording.state === 'live') throw stillRecording(recording.manifest.pid);
    const reactor = recording.reactor(options.reactor);
    if (recording.snapshots(reactor.id).length === 0) throw noSnapshot(reactor.name, recording);

    const launcher = launcherPath();
    const program = options.program;
    const difference = compareProcessors(recording.manifest);
    if (difference.missing.length > 0 && options.force !== true) throw lesserProcessor(difference.missing);
    const force = options.force === true ? ['--force'] : [];
    const child = spawn(launcher, [...force, '-', '--', program, ...recording.manifest.commandLine.slice(1)], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, LD_LIBRARY_PATH: libraryPath(recording), GLIBC_TUNABLES: tunablesFor(difference) },
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(plan(recording, options));
    return Replayer.of(child, options.onOutput);
  }

  /** Of a process that takes commands on descriptor 3 and reports on descriptor 4. */
  static of(child: ChildProcess, onOutput: ReplayOptions['onOutput']): Replayer {
    const replayer = new Replayer(child);
    child.stdout?.on('data', (data: Buffer) => onOutput?.(data.toString('utf8')));
    child.stderr?.on('data', (data: Buffer) => replayer.hear(data.toString('utf8'), onOutput));
    return replayer;
  }

  /** The first report: the replayer stands at a snapshot. */
  async ready(): Promise<Ready> {
    return expectReport(await this.next(), 'ready');
  }

  /** The same of another build, which may crash while it constructs the reactor. */
  async constructed(): Promise<Ready | Crash> {
    const report = await this.next();
    return report.event === 'crash' ? report : expectReport(report, 'ready');
  }

  /** Replays to a position, forward or back. A crash on the way ends the process. */
  run(position: number): Promise<Stopped | Crash> {
    return this.go(`run ${position}`);
  }

  /** Stands at a position, by the shortest way. */
  seek(position: number): Promise<Stopped | Crash> {
    return this.go(`seek ${position}`);
  }

  /** Back to a snapshot; what follows replays what would have been (PROTOCOL.md). */
  suppose(supposition: string): void {
    this.send(`suppose ${supposition}`);
  }

  /** As run(), and compares memory with every snapshot on the way. */
  verify(position: number): Promise<Stopped | Crash> {
    return this.go(`verify ${position}`);
  }

  /** Which event has brought a difference about. */
  async locate({ from, to }: Difference): Promise<Located> {
    this.send(`locate ${from} ${to}`);
    return expectReport(await this.next(), 'located');
  }

  private async go(command: string): Promise<Stopped | Crash> {
    this.send(command);
    const report = await this.next();
    return report.event === 'crash' ? report : expectReport(report, 'stopped');
  }

  /** From now on every run() compares memory with a core dump where it ends (PROTOCOL.md). */
  expectPages(list: string): void {
    this.send(`expect-pages ${list}`);
  }

  /** A number for the reactor's memory where the replay stands, and one for the executable's data. */
  async digest(): Promise<Digest> {
    this.send('digest');
    return expectReport(await this.next(), 'digest');
  }

  /** The last event before `position` that changed the bytes at `address`, or the first. */
  async lastWrite(
    address: bigint,
    bytes: number,
    position: number,
    command: 'last-write' | 'first-write' = 'last-write',
  ): Promise<Writes | Crash> {
    this.send(`${command} ${address.toString(16)} ${bytes} ${position}`);
    const report = await this.next();
    return report.event === 'crash' ? report : expectReport(report, 'writes');
  }

  /** A query (PROTOCOL.md): its findings as they come; the last one is the answer, or a crash. */
  async *query(command: string): AsyncGenerator<Finding | Answer | Crash> {
    this.send(command);
    for (;;) {
      const report = await this.next();
      if (!isFinding(report)) {
        yield report.event === 'crash' ? report : expectReport(report, 'answer');
        return;
      }
      yield report;
    }
  }

  /** Of a process that has ended: what it reported as the reason, if it did. */
  async failure(): Promise<Error | undefined> {
    await this.closed;
    return this.reported;
  }

  /** Asks it to end, and waits until it has. */
  async quit(): Promise<void> {
    if (this.ended !== undefined) return;
    const exit = new Promise<void>((resolve) => this.once('exit', resolve));
    this.send('quit');
    (this.child.stdio[3] as Writable).end();
    await exit;
  }

  /** Ends it, whatever it is doing. */
  kill(): void {
    this.child.kill('SIGKILL');
  }

  private send(command: string): void {
    if (this.ended === undefined) (this.child.stdio[3] as Writable).write(`${command}\n`);
  }

  private next(): Promise<Report> {
    const report = this.reports.shift();
    if (report !== undefined) return Promise.resolve(report);
    if (this.ended !== undefined) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  private take(line: string): void {
    try {
      const report = parseReport(line);
      if (report.event === 'progress') this.emit('progress', report.position);
      else if (report.event === 'divergence') this.diverged(report);
      else if (report.event === 'pages') this.pages = report;
      else if (report.event === 'difference') this.differences.push(report);
      else if (report.event === 'relocated') this.relocated = report;
      else if (report.event === 'warning') this.warnings.push(report);
      else if (report.event === 'error') this.end((this.reported = replayerReported(report.message)));
      else this.deliver(report);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.end(error);
      this.kill();
    }
  }

  private deliver(report: Report): void {
    const first = this.waiting.shift();
    if (first === undefined) this.reports.push(report);
    else first.resolve(report);
  }

  private diverged(divergence: Divergence): void {
    this.divergences.push(divergence);
    this.emit('divergence', divergence);
  }

  private hear(text: string, onOutput: ReplayOptions['onOutput']): void {
    this.lastWords = (this.lastWords + text).slice(-LAST_WORDS_BYTES);
    onOutput?.(text);
  }

  /** The first reason stays: what follows is its consequence. */
  private end(reason: Error): void {
    this.ended ??= reason;
    for (const { reject } of this.waiting.splice(0)) reject(this.ended);
    if (this.child.exitCode !== null || this.child.signalCode !== null || this.child.pid === undefined) this.emit('exit');
  }

  private endOf(code: number | null, signal: NodeJS.Signals | null): Error {
    const words = this.lastWords.trim().split('\n');
    const launcher = words.findLast((line) => line.startsWith('afterimage-launch: '));
    if (code !== null && LAUNCHER_EXIT_CODES.includes(code) && launcher !== undefined) {
      return launchFailed(launcher.slice('afterimage-launch: '.length));
    }
    return replayerEnded(signal ?? `exit code ${code}`, words.at(-1) ?? '');
  }
}

function expectReport<E extends Report['event']>(report: Report, event: E): Extract<Report, { event: E }> {
  if (report.event === event) return report as Extract<Report, { event: E }>;
  throw replayerReported(`"${report.event}" where "${event}" was expected.`);
}

/** Where the recorded libraries are, should the program not know by itself. The launcher checks their build-ids. */
function libraryPath(recording: Recording): string {
  const libraries = recording.manifest.modules.filter((module) => module.kind === 'lib' && fs.existsSync(module.path));
  const directories = libraries.map((module) => path.dirname(module.path)).filter((directory) => !/^\/(usr\/)?lib/.test(directory));
  const before = process.env['LD_LIBRARY_PATH'] ?? '';
  const brought = librariesElsewhere(recording);
  return [...new Set([...(brought === undefined ? [] : [brought]), ...(before === '' ? [] : before.split(':')), ...directories])].join(':');
}

export function launcherPath(): string {
  const launcher = process.env['AFTERIMAGE_LAUNCH'] ?? `${packageRoot()}/native/build/Release/afterimage-launch`;
  if (!fs.existsSync(launcher)) throw launcherMissing(launcher);
  return launcher;
}
