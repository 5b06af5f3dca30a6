// What the commands that ask a replayer have in common: the options that say which events, and the progress bar.

import { type Recording } from '../recording';
import { findProgram } from '../replay/find-program';
import { type Asking } from '../questions/asking';
import { type Range, replayableRange } from '../questions/range';
import { chosenReactor, wholeNumber } from './arguments';
import { type Output, progressBar } from './output';
import { wrapped } from './text';

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

export function rangeOf(recording: Recording, options: QueryOptions): Range {
  const number = (option: string, text: string | undefined) => (text === undefined ? {} : { [option]: wholeNumber(`--${option}`, text) });
  const wanted = { ...number('from', options.from), ...number('to', options.to) };
  return replayableRange(recording, chosenReactor(recording, options.reactor), findProgram(recording, options.program), wanted);
}

export const gdbOf = ({ gdb = 'gdb' }: ReplayerOptions): string => gdb;

/** Asks with a progress bar, which is gone when the answer is there. */
export async function withProgress<T>(
  { from, to }: Range,
  options: ReplayerOptions,
  { json }: Output,
  question: (asking: Asking) => Promise<T>,
): Promise<T> {
  const bar = progressBar('replaying', from, to, json);
  const onProgress = (position: number) => bar.update(position);
  return question({ gdb: gdbOf(options), force: options.force === true, onProgress }).finally(() => bar.stop());
}

export function warnIfUnfaithful(faithful: boolean, { line, colors, width }: Output): void {
  const warning = 'The replay differs from the recording, so this may not be what happened; see afterimage replay.';
  if (!faithful) line(colors.yellow(wrapped(warning, width, '  ')));
}
