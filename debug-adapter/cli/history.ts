// afterimage history: how the value of a C++ expression changed from event to event.

import { counted, grouped, type Recording } from '../recording';
import { type ValueHistory, valueHistory } from '../questions/history';
import { type Range } from '../questions/range';
import { wholeNumber } from './arguments';
import { ExitCode } from './exit-codes';
import { type Output, showSentence } from './output';
import { type QueryOptions, rangeOf, warnIfUnfaithful, withProgress } from './query';

export interface HistoryOptions extends QueryOptions {
  readonly expression: string;
  readonly count?: string;
}

const LIMIT = '1000';

export async function history(recording: Recording, options: HistoryOptions, output: Output): Promise<ExitCode> {
  const range = rangeOf(recording, options);
  const { expression } = options;
  const limit = wholeNumber('--count', options.count ?? LIMIT);
  const found = await withProgress(range, options, output, (asking) => valueHistory(range, expression, limit, asking));
  if (output.json) output.document(document(expression, range, found));
  else show(expression, range, found, limit, output);
  return found.values.length > 0 ? ExitCode.ok : ExitCode.negative;
}

const document = (expression: string, { reactor, from }: Range, { values, changes, to, faithful }: ValueHistory) => ({
  reactor: reactor.id,
  expression,
  from,
  to,
  changes,
  values: values.map(({ event, value }) => ({ event: event ?? null, value: String(value) })),
  faithful,
});

function show(expression: string, { from }: Range, { values, changes, to, faithful }: ValueHistory, limit: number, output: Output): void {
  const { colors: c, line } = output;
  showSentence(output, `${expression} changed in ${counted(changes, 'event')} from ${grouped(from)} to ${grouped(to - 1)}.`);
  if (changes > 0) line(c.dim('      event  value'));
  for (const { event, value } of values)
    line(`  ${(event === undefined ? 'before' : grouped(event)).padStart(9)}  ${c.bold(String(value))}`);
  if (limit > 0 && changes >= limit) line(c.dim(`There may be more: --count ${limit * 10}.`));
  warnIfUnfaithful(faithful, output);
}
