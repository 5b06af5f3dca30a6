/**
 * One gdb process, spoken to in GDB/MI.
 *
 * gdb answers commands in the order in which they were sent, each under its token; what happens to the program
 * arrives in between, at any time. So a command is a promise of its result, and a command that lets the program run
 * is a promise of the stop that follows.
 *
 * Everything that can go wrong outside our own code ends as a GdbFailure, whose message is meant for the user:
 * gdb missing, too old, without Python, dead, or not answering.
 */
import { ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { lookForDebugFiles } from './debug-files';
import { MiRecord, MiTuple, miString, parseMiLine } from './mi-parser';

export class GdbFailure extends Error {
  override readonly name = 'GdbFailure';

  constructor(
    readonly code: 'gdb-missing' | 'gdb-too-old' | 'gdb-without-python' | 'gdb-died' | 'gdb-slow' | 'gdb-refused',
    message: string,
  ) {
    super(message);
  }
}

/** gdb does not want to, and has said why. */
export const isRefusal = (error: unknown): error is GdbFailure => error instanceof GdbFailure && error.code === 'gdb-refused';

export interface GdbOptions {
  /** Path or name of the gdb to use. */
  gdb: string;
  /** gdb Python files to load. */
  scripts: readonly string[];
}

interface GdbEvents {
  running: [];
  stopped: [stop: MiTuple];
  notify: [name: string, results: MiTuple];
  console: [text: string];
  died: [failure: GdbFailure];
}

interface Pending {
  command: string;
  resolve: (results: MiTuple) => void;
  reject: (failure: Error) => void;
  timer: NodeJS.Timeout;
}

const oldestMajor = 12; // the first with gdb.MICommand
const answerLimitMs = 60_000; // the first look at a large program reads its symbols
const installHint = 'On Debian or Ubuntu: sudo apt-get install gdb.';
const firstSettings = [
  '-gdb-set mi-async on',
  '-gdb-set pagination off',
  '-gdb-set confirm off',
  '-gdb-set breakpoint pending on',
  '-gdb-set print object on',
  '-gdb-set print thread-events off',
  '-gdb-set print inferior-events off',
  '-gdb-set print max-depth 3',
  '-gdb-set print null-stop on', // a char array ends at its first zero
  'handle SIGSYS nostop noprint pass', // the replayer's sandbox answers it
];

export class Gdb extends EventEmitter<GdbEvents> {
  private readonly pending = new Map<number, Pending>();
  private nextToken = 1;
  private failure: GdbFailure | undefined;
  private lastWords = '';
  private isRunning = false;

  private constructor(private readonly process: ChildProcessWithoutNullStreams) {
    super();
    createInterface({ input: process.stdout }).on('line', (line) => this.take(parseMiLine(line)));
    createInterface({ input: process.stderr }).on('line', (line) => (this.lastWords = line));
    process.stdin.on('error', () => undefined); // a dead gdb is reported by 'close'
    process.on('close', () => this.die());
  }

  static async start({ gdb, scripts }: GdbOptions): Promise<Gdb> {
    const process = spawn(gdb, ['-q', '-nx', '-i=mi3'], { env: { ...globalThis.process.env, LC_ALL: 'C.UTF-8' } });
    await once(process, 'spawn').catch((error: NodeJS.ErrnoException) => {
      throw missing(gdb, error);
    });
    const session = new Gdb(process);
    try {
      await session.setUp(gdb, scripts);
    } catch (error) {
      await session.close();
      throw error;
    }
    return session;
  }

  private async setUp(gdb: string, scripts: readonly string[]): Promise<void> {
    await this.requireVersion(gdb);
    for (const setting of firstSettings) await this.send(setting);
    await this.send('-gdb-set debuginfod enabled off').catch(ignoreRefusal); // not in every build
    await this.send('-interpreter-exec console "python import re"').catch((error: Error) => {
      throw isRefusal(error) ? withoutPython(gdb) : error;
    });
    await this.send(`-interpreter-exec console ${quote(lookForDebugFiles())}`);
    for (const script of scripts) await this.send(`-interpreter-exec console ${quote(`source ${script}`)}`);
  }

  private async requireVersion(gdb: string): Promise<void> {
    let text = '';
    const listen = (part: string) => (text += part);
    this.on('console', listen);
    await this.send('-gdb-version');
    this.off('console', listen);
    const major = Number(/^GNU gdb.*?(\d+)\.\d+[^)]*$/m.exec(text)?.[1]);
    if (!(major >= oldestMajor)) throw tooOld(gdb, text.split('\n')[0] ?? '');
  }

  /** Sends one command. Rejects with the code `gdb-refused` and gdb's own words when gdb answers ^error. */
  send(command: string, limitMs = answerLimitMs): Promise<MiTuple> {
    if (this.failure) return Promise.reject(this.failure);
    const token = this.nextToken++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.giveUp(token, limitMs), limitMs);
      this.pending.set(token, { command, resolve, reject, timer });
      this.process.stdin.write(`${token}${command}\n`);
    });
  }

  /** Sends a command that lets the program run, and waits as long as it takes for the stop that follows. */
  async sendAndWaitForStop(command: string, limitMs = answerLimitMs): Promise<MiTuple> {
    const giveUpWaiting = new AbortController();
    const stopped = this.nextStop(giveUpWaiting.signal);
    try {
      await this.send(command, limitMs);
    } catch (error) {
      giveUpWaiting.abort(error);
    }
    return stopped;
  }

  private nextStop(signal: AbortSignal): Promise<MiTuple> {
    return new Promise((resolve, reject) => {
      const stopped = (stop: MiTuple) => finish(() => resolve(stop));
      const died = (failure: GdbFailure) => finish(() => reject(failure));
      const aborted = () => finish(() => reject(signal.reason as Error));
      const finish = (settle: () => void) => {
        this.off('stopped', stopped).off('died', died);
        signal.removeEventListener('abort', aborted);
        settle();
      };
      this.on('stopped', stopped).on('died', died);
      signal.addEventListener('abort', aborted);
    });
  }

  /** Ends gdb, whatever it is doing. */
  async close(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const closed = once(this.process, 'close');
    this.process.kill('SIGKILL');
    await closed;
  }

  /** Whether the program runs at this moment. */
  get programRuns(): boolean {
    return this.isRunning;
  }

  private take(record: MiRecord): void {
    if (record.kind === 'result') this.settle(record.token, record.name, record.results);
    else if (record.kind === 'exec') this.programChanged(record.name, record.results);
    else if (record.kind === 'notify') this.emit('notify', record.name, record.results);
    else if (record.kind === 'console') this.emit('console', record.text);
    else if (record.kind === 'log' || record.kind === 'text') this.lastWords = record.text.trim() || this.lastWords;
  }

  private programChanged(name: string, results: MiTuple): void {
    this.isRunning = name === 'running';
    if (name === 'running') this.emit('running');
    else if (name === 'stopped') this.emit('stopped', results);
  }

  private settle(token: number | undefined, name: string, results: MiTuple): void {
    const pending = this.pending.get(token ?? -1);
    if (!pending) return;
    this.pending.delete(token ?? -1);
    clearTimeout(pending.timer);
    if (name === 'error') pending.reject(new GdbFailure('gdb-refused', miString(results, 'msg') ?? 'gdb gave no reason'));
    else pending.resolve(results);
  }

  /** SIGINT makes gdb drop what it is computing, so that the next command finds it alive. */
  private giveUp(token: number, limitMs: number): void {
    const pending = this.pending.get(token);
    if (!pending) return;
    this.pending.delete(token);
    this.process.kill('SIGINT');
    pending.reject(
      new GdbFailure('gdb-slow', `gdb did not answer "${pending.command}" within ${limitMs / 1000} seconds. Ask for less at once.`),
    );
  }

  private die(): void {
    const { exitCode, signalCode } = this.process;
    const how = signalCode ? `was ended by ${signalCode}` : `ended with status ${exitCode}`;
    const words = this.lastWords ? ` Its last words were: ${this.lastWords}` : '';
    this.failure = new GdbFailure('gdb-died', `The debugger, gdb, ${how}, so the program can no longer be inspected. Start again.${words}`);
    for (const { reject, timer } of this.pending.values()) {
      clearTimeout(timer);
      reject(this.failure);
    }
    this.pending.clear();
    this.emit('died', this.failure);
  }
}

/** A C string as MI wants its arguments. */
export function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n').replace(/\t/g, '\\t').replace(/\r/g, '\\r')}"`;
}

function ignoreRefusal(error: Error): void {
  if (!isRefusal(error)) throw error;
}

function missing(gdb: string, error: NodeJS.ErrnoException): GdbFailure {
  const why = error.code === 'ENOENT' ? `There is no gdb at "${gdb}"` : `gdb could not be started from "${gdb}" (${error.code})`;
  return new GdbFailure('gdb-missing', `${why}. Install gdb ${oldestMajor} or newer, or set "gdb" to its path. ${installHint}`);
}

function tooOld(gdb: string, version: string): GdbFailure {
  const found = version || 'not a gdb';
  return new GdbFailure('gdb-too-old', `"${gdb}" is ${found}, but gdb ${oldestMajor} or newer is needed. ${installHint}`);
}

function withoutPython(gdb: string): GdbFailure {
  return new GdbFailure('gdb-without-python', `"${gdb}" was built without Python, which is needed to show C++ containers. ${installHint}`);
}
