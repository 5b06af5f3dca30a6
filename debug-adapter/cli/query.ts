// What the questions to a replayer have in common: the range of events that is replayed, the C++ expression that gdb compiles, and
// the process that is asked and ended.

import { type ReactorInfo, type Recording, signalName } from '../recording';
import { type Code } from '../gdb/agent-expression';
import { compileExpression, GdbNotStarted } from '../gdb/compile-expression';
import { findProgram } from '../replay/find-program';
import { Replayer } from '../replay/replayer';
import { type Answer, type Finding } from '../replay/reports';
import { chosenReactor, wholeNumber } from './arguments';
import { gdbFailed, gdbMissing, notCompiled, replayCrashed } from './errors';
import { type Output, progressBar } from './output';

export interface ReplayerOptions {
  readonly reactor?: string;
  readonly program?: string;
  readonly gdb?: string;
  readonly force?: boolean;
}

export interface QueryOptions extends ReplayerOptions {
  readonly from?: string;
  readonly to?: string;
}

export interface Range {
  readonly reactor: ReactorInfo;
  readonly program: string;
  readonly from: number;
  /** Exclusive; the crashing event cannot be finished. */
  readonly to: number;
}

export function rangeOf(recording: Recording, options: QueryOptions): Range {
  const reactor = chosenReactor(recording, options.reactor);
  const log = recording.log(reactor.id);
  const end = Math.min(reactor.crashEvent ?? log.end, log.end);
  const snapshot = recording.snapshots(reactor.id)[0];
  const first = Math.max(log.first, snapshot?.position ?? log.first);
  const within = (option: string, text: string | undefined, otherwise: number) =>
    Math.min(end, Math.max(first, text === undefined ? otherwise : wholeNumber(option, text)));
  const from = within('--from', options.from, first);
  return { reactor, program: findProgram(recording, options.program), from, to: within('--to', options.to, end) };
}

/** The expression as the replayer wants it. `this`, the members, and the argument of react() mean what they mean there. */
export async function compiled(recording: Recording, range: Range, expression: string, gdb?: string): Promise<string> {
  const { code } = await compile(recording, range, expression, gdb);
  return code.toString('hex');
}

/** Likewise, but where the expression is stored; with its size. */
export async function compiledStorage(recording: Recording, range: Range, expression: string, gdb?: string) {
  const { code, bytes } = await compile(recording, range, expression, gdb, true);
  return { code: code.toString('hex'), bytes: bytes ?? 0 };
}

async function compile(recording: Recording, range: Range, expression: string, gdb = 'gdb', storage = false): Promise<Code> {
  const { reactor, program } = range;
  const events = recording.log(reactor.id).types.map((type) => type.name);
  const result = await withGdb(gdb, () => compileExpression({ gdb, program, reactor: reactor.type, events, expression, storage }));
  if ('problem' in result) throw notCompiled(expression, result.problem);
  return result;
}

export async function withGdb<T>(gdb: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (error instanceof GdbNotStarted) throw error.missing ? gdbMissing(gdb) : gdbFailed(error.message);
    throw error;
  }
}

/** A replayer with a progress bar, for as long as `use` takes. */
export async function withReplayer<T>(
  recording: Recording,
  { reactor, program, from, to }: Range,
  options: ReplayerOptions,
  output: Output,
  use: (replayer: Replayer) => Promise<T>,
): Promise<T> {
  const replayer = Replayer.start(recording, { reactor: reactor.id, program, force: options.force === true });
  const bar = progressBar('replaying', from, to, output.json);
  replayer.on('progress', (position) => bar.update(position));
  try {
    await replayer.ready();
    return await use(replayer);
  } finally {
    bar.stop();
    await replayer.quit();
  }
}

export interface Answered<F> {
  readonly findings: F[];
  readonly answer: Answer;
  readonly faithful: boolean;
}

/** One command, heard to its end. */
export async function answered<F extends Finding>(replayer: Replayer, command: string): Promise<Answered<F>> {
  const findings: F[] = [];
  for await (const report of replayer.query(command)) {
    if (report.event === 'crash') throw replayCrashed(report.eventNumber, signalName(report.signal));
    if (report.event === 'answer') return { findings, answer: report, faithful: replayer.divergences.length === 0 };
    findings.push(report as F);
  }
  throw new Error('the query ended without an answer');
}

export const ask = <F extends Finding>(
  recording: Recording,
  range: Range,
  command: string,
  options: ReplayerOptions,
  output: Output,
): Promise<Answered<F>> => withReplayer(recording, range, options, output, (replayer) => answered<F>(replayer, command));

export function warnIfUnfaithful(faithful: boolean, { line, colors }: Output): void {
  if (!faithful) line(colors.yellow('The replay differs from the recording, so this may not be what happened; see afterimage replay.'));
}
