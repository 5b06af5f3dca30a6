// afterimage find: the events after which a C++ expression over the reactor's state is true.

import { counted, grouped, type Recording } from '../recording';
import { findEvents, type FoundEvents } from '../questions/find';
import { type Range } from '../questions/range';
import { wholeNumber } from './arguments';
import { ExitCode } from './exit-codes';
import { type Output, showSentence } from './output';
import { type QueryOptions, rangeOf, warnIfUnfaithful, withProgress } from './query';
import { cut, printable, timeOfDay } from './text';

export interface FindOptions extends QueryOptions {
  readonly expression: string;
  readonly all?: boolean;
  readonly count?: string;
}

const ALL_MAX = 10_000;
const PAYLOAD_SHOWN = 24;

export async function find(recording: Recording, options: FindOptions, output: Output): Promise<ExitCode> {
  const range = rangeOf(recording, options);
  const { expression } = options;
  const limit = options.all === true ? ALL_MAX : options.count === undefined ? 1 : wholeNumber('--count', options.count);
  const found = await withProgress(range, options, output, (asking) => findEvents(range, expression, limit, asking));
  const { reactor, from, to } = range;
  if (output.json) output.document({ reactor: reactor.id, expression, from, to, ...found, events: found.events.map(document) });
  else show(expression, range, found, output);
  return found.events.length > 0 ? ExitCode.ok : ExitCode.negative;
}

const document = ({ event, value }: FoundEvents['events'][number]) => ({
  number: event.number,
  type: event.type.name,
  timeNs: event.timeNs,
  value: String(value),
  payload: event.payload.toString('hex'),
});

function show(expression: string, { from, to }: Range, { events, unreadable, faithful }: FoundEvents, output: Output): void {
  const { colors: c, line, width } = output;
  const [first] = events;
  const number = `Event ${grouped(first?.event.number ?? 0)}`;
  if (first === undefined) showSentence(output, `In events ${grouped(from)} to ${grouped(to - 1)} it is never true that ${expression}.`);
  else if (events.length === 1) showSentence(output, `${number} is the first after which ${expression}.`, number);
  else showSentence(output, `After ${counted(events.length, 'event')} ${expression}, first after event ${grouped(first.event.number)}.`);
  for (const { event, value } of events) {
    const head = `  ${grouped(event.number).padStart(9)}  ${timeOfDay(event.timeNs)}  ${printable(event.type.name)}  `;
    const payload = event.payload.subarray(0, PAYLOAD_SHOWN).toString('hex');
    line(`${head}${c.dim(cut(payload, width - head.length - `  = ${value}`.length))}  = ${value}`);
  }
  if (unreadable > 0) line(c.dim(`After ${counted(unreadable, 'event')} the expression could not be evaluated.`));
  warnIfUnfaithful(faithful, output);
}
