// afterimage history: how the value of a C++ expression changed from event to event.

import { type Recording } from '../recording';
import { type Value } from '../replay/reports';
import { wholeNumber } from './arguments';
import { ExitCode } from './exit-codes';
import { type Output } from './output';
import { ask, compiled, type QueryOptions, rangeOf, warnIfUnfaithful } from './query';
import { counted } from './text';

export interface HistoryOptions extends QueryOptions {
  readonly expression: string;
  readonly count?: string;
}

const LIMIT = '1000';

export async function history(recording: Recording, options: HistoryOptions, output: Output): Promise<ExitCode> {
  const range = rangeOf(recording, options);
  const code = await compiled(recording, range, options.expression, options.gdb);
  const limit = wholeNumber('--count', options.count ?? LIMIT);
  const { findings, answer, faithful } = await ask<Value>(
    recording,
    range,
    `history ${code} ${range.from} ${range.to} ${limit}`,
    options,
    output,
  );
  const values = findings.map(({ eventNumber, value }) => ({ event: eventNumber < 0 ? null : eventNumber, value: String(value) }));
  if (output.json) {
    output.document({
      reactor: range.reactor.id,
      expression: options.expression,
      from: range.from,
      to: answer.position,
      changes: answer.count,
      values,
      faithful,
    });
  } else {
    const { colors: c, line } = output;
    line(`${options.expression} changed in ${counted(answer.count, 'event')} from ${range.from} to ${answer.position - 1}.`);
    for (const { event, value } of values) line(`  ${(event === null ? 'before' : String(event)).padStart(9)}  ${c.bold(value)}`);
    if (limit > 0 && answer.count >= limit) line(c.dim(`There may be more: --count ${limit * 10}.`));
    warnIfUnfaithful(faithful, output);
  }
  return findings.length > 0 ? ExitCode.ok : ExitCode.negative;
}
