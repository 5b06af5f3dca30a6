// Puts a question to a replayer of its own: whoever asks stays where he is. No debugger is attached, so events pass at full speed.

import { signalName } from '../recording';
import { Replayer } from '../replay/replayer';
import { type Answer, type Finding } from '../replay/reports';
import { cancelled, replayCrashed } from './errors';
import { type Range } from './range';

/** Who asks. */
export interface Asking {
  readonly gdb: string;
  /** Goes on although a library is another build than the recorded one. */
  readonly force: boolean;
  onProgress(position: number): void;
  /** Ends the question; its answer is a UserError then. */
  readonly signal?: AbortSignal;
}

export interface Answered<F> {
  readonly findings: F[];
  readonly answer: Answer;
  readonly faithful: boolean;
}

/** A replayer for as long as `use` takes. */
export async function withReplayer<T>(
  { recording, reactor, program }: Range,
  { force, onProgress, signal }: Asking,
  use: (replayer: Replayer) => Promise<T>,
): Promise<T> {
  const wasCancelled = () => signal?.aborted === true;
  if (wasCancelled()) throw cancelled();
  const replayer = Replayer.start(recording, { reactor: reactor.id, program, force });
  const kill = () => replayer.kill();
  signal?.addEventListener('abort', kill);
  replayer.on('progress', onProgress);
  try {
    await replayer.ready();
    return await use(replayer);
  } catch (error) {
    throw wasCancelled() ? cancelled() : error;
  } finally {
    signal?.removeEventListener('abort', kill);
    await replayer.quit();
  }
}

/** One command, heard to its end. */
export async function answered<F extends Finding>(replayer: Replayer, command: string): Promise<Answered<F>> {
  const findings: F[] = [];
  for await (const report of replayer.query(command)) {
    if (report.event === 'crash') throw replayCrashed(report.eventNumber, signalName(report.signal));
    if (report.event === 'answer')
      return { findings, answer: report, faithful: replayer.divergences.length === 0 && replayer.relocated === undefined };
    findings.push(report as F);
  }
  throw new Error('the query ended without an answer');
}

export const ask = <F extends Finding>(range: Range, command: string, asking: Asking): Promise<Answered<F>> =>
  withReplayer(range, asking, (replayer) => answered<F>(replayer, command));
