// afterimage find: the events after which a C++ expression over the reactor's state is true.

import { type RecordedEvent, type Recording } from '../recording';
import { type Found } from '../replay/reports';
import { wholeNumber } from './arguments';
import { ExitCode } from './exit-codes';
import { type Output } from './output';
import { ask, compiled, type QueryOptions, rangeOf, warnIfUnfaithful } from './query';
import { counted, printable, timeOfDay } from './text';

export interface FindOptions extends QueryOptions {
  readonly expression: string;
  readonly all?: boolean;
  readonly count?: string;
}

const ALL_MAX = 10_000;

export async function find(recording: Recording, options: FindOptions, output: Output): Promise<ExitCode> {
  const range = rangeOf(recording, options);
  const code = await compiled(recording, range, options.expression, options.gdb);
  const limit = options.all === true ? ALL_MAX : options.count === undefined ? 1 : wholeNumber('--count', options.count);
  const { findings, answer, faithful } = await ask<Found>(
    recording,
    range,
    `find ${code} ${range.from} ${range.to} ${limit}`,
    options,
    output,
  );
  const events = findings.map(({ eventNumber, value }) => ({ event: recording.log(range.reactor.id).event(eventNumber), value }));
  const found = { reactor: range.reactor.id, expression: options.expression, from: range.from, to: range.to };
  if (output.json) output.document({ ...found, events: events.map(document), unreadable: answer.unreadable, faithful });
  else show(options, range.from, range.to, events, answer.unreadable, faithful, output);
  return events.length > 0 ? ExitCode.ok : ExitCode.negative;
}

interface FoundEvent {
  readonly event: RecordedEvent;
  readonly value: bigint;
}

const document = ({ event, value }: FoundEvent) => ({
  number: event.number,
  type: event.type.name,
  timeNs: event.timeNs,
  value: String(value),
  payload: event.payload.toString('hex'),
});

function show(
  options: FindOptions,
  from: number,
  to: number,
  events: FoundEvent[],
  unreadable: number,
  faithful: boolean,
  output: Output,
): void {
  const { colors: c, line } = output;
  const first = events[0];
  if (first === undefined) line(`In events ${from} to ${to - 1} it is never true that ${options.expression}.`);
  else if (events.length === 1) line(`${c.bold(`Event ${first.event.number}`)} is the first after which ${options.expression}.`);
  else line(`After ${counted(events.length, 'event')} ${options.expression}, first after ${c.bold(`event ${first.event.number}`)}.`);
  for (const { event, value } of events) {
    const payload = [...event.payload.subarray(0, 24)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    line(`  ${String(event.number).padStart(9)}  ${timeOfDay(event.timeNs)}  ${printable(event.type.name)}  ${c.dim(payload)}  = ${value}`);
  }
  if (unreadable > 0) line(c.dim(`After ${counted(unreadable, 'event')} the expression could not be evaluated.`));
  warnIfUnfaithful(faithful, output);
}
