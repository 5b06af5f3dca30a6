// What find, history and touched have in common: a replayer that is asked one question about a range of events.

import { type ReactorInfo, type Recording, signalName } from '../recording';
import { compileExpression, GdbNotStarted } from '../gdb/agent-expression';
import { findProgram } from '../replay/find-program';
import { Replayer } from '../replay/replayer';
import { type Answer, type Block, type Found, type Value } from '../replay/reports';
import { chosenReactor, wholeNumber } from './arguments';
import { gdbFailed, gdbMissing, notCompiled, replayCrashed } from './errors';
import { type Output, progressBar } from './output';

export interface QueryOptions {
  readonly from?: string;
  readonly to?: string;
  readonly reactor?: string;
  readonly program?: string;
  readonly gdb?: string;
  readonly force?: boolean;
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
  const from = options.from === undefined ? first : wholeNumber('--from', options.from);
  const to = options.to === undefined ? end : wholeNumber('--to', options.to);
  return { reactor, program: findProgram(recording, options.program), from: Math.max(first, from), to: Math.min(end, to) };
}

/** The expression as the replayer wants it. `this`, the members, and the argument of react() mean what they mean there. */
export async function compiled(recording: Recording, range: Range, expression: string, gdb = 'gdb'): Promise<string> {
  const { reactor, program } = range;
  const types = recording.log(reactor.id).types.map((type) => type.name);
  try {
    const result = await compileExpression({ gdb, program, reactor: reactor.type, events: types, expression });
    if ('problem' in result) throw notCompiled(expression, result.problem);
    return result.code.toString('hex');
  } catch (error) {
    if (error instanceof GdbNotStarted) throw error.missing ? gdbMissing(gdb) : gdbFailed(error.message);
    throw error;
  }
}

export interface Answered<F> {
  readonly findings: F[];
  readonly answer: Answer;
  readonly faithful: boolean;
}

export async function ask<F extends Found | Value | Block>(
  recording: Recording,
  range: Range,
  command: string,
  options: QueryOptions,
  output: Output,
): Promise<Answered<F>> {
  const { reactor, program, from, to } = range;
  const replayer = Replayer.start(recording, { reactor: reactor.id, program, force: options.force === true });
  const bar = progressBar('replaying', from, to, output.json);
  replayer.on('progress', (position) => bar.update(position));
  try {
    await replayer.ready();
    const findings: F[] = [];
    for await (const report of replayer.query(command)) {
      if (report.event === 'crash') throw replayCrashed(report.eventNumber, signalName(report.signal));
      if (report.event === 'answer') return { findings, answer: report, faithful: replayer.divergences.length === 0 };
      findings.push(report as F);
    }
    throw new Error('the query ended without an answer');
  } finally {
    bar.stop();
    await replayer.quit();
  }
}
