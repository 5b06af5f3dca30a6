// afterimage find: the events after which a C++ expression over the reactor's state is true.

import { counted, grouped, type Recording } from '../recording';
import { findEvents, type FoundEvents } from '../questions/find';
import { type Range } from '../questions/range';
import { decodePayloads } from '../questions/typed-payloads';
import { wholeNumber } from './arguments';
import { type Row, showEvents } from './events-table';
import { ExitCode } from './exit-codes';
import { type Output, showSentence } from './output';
import { gdbOf, type QueryOptions, rangeOf, warnIfUnfaithful, withProgress } from './query';

export interface FindOptions extends QueryOptions {
  readonly expression: string;
  readonly all?: boolean;
  readonly count?: string;
}

const ALL_MAX = 10_000;
/** gdb reads the values of so many; of more, the bytes are shown. */
const TYPED_MAX = 40;

export async function find(recording: Recording, options: FindOptions, output: Output): Promise<ExitCode> {
  const range = rangeOf(recording, options);
  const { expression } = options;
  const limit = options.all === true ? ALL_MAX : options.count === undefined ? 1 : wholeNumber('--count', options.count);
  const found = await withProgress(range, options, output, (asking) => findEvents(range, expression, limit, asking));
  const { reactor, from, to } = range;
  if (output.json) output.document({ reactor: reactor.id, expression, from, to, ...found, events: found.events.map(document) });
  else await show(expression, range, found, gdbOf(options), output);
  return found.events.length > 0 ? ExitCode.ok : ExitCode.negative;
}

const document = ({ event, value }: FoundEvents['events'][number]) => ({
  number: event.number,
  type: event.type.name,
  timeNs: event.timeNs,
  value: String(value),
  payload: event.payload.toString('hex'),
});

async function show(expression: string, range: Range, { events, unreadable, faithful }: FoundEvents, gdb: string, output: Output) {
  const { from, to } = range;
  const { colors: c, line } = output;
  const [first] = events;
  const number = `Event ${grouped(first?.event.number ?? 0)}`;
  if (first === undefined) showSentence(output, `In events ${grouped(from)} to ${grouped(to - 1)} it is never true that ${expression}.`);
  else if (events.length === 1) showSentence(output, `${number} is the first after which ${expression}.`, number);
  else
    showSentence(
      output,
      `After ${counted(events.length, 'event')} it is true that ${expression}, the first is event ${grouped(first.event.number)}.`,
    );
  if (first !== undefined) await showFound(range, events, gdb, output);
  if (unreadable > 0) line(c.dim(`After ${counted(unreadable, 'event')} the expression could not be evaluated.`));
  warnIfUnfaithful(faithful, output);
}

/** As a table of events; with the values, if the expression says more than that something is true. */
async function showFound({ recording, reactor, program }: Range, found: FoundEvents['events'], gdb: string, output: Output): Promise<void> {
  const events = found.map(({ event }) => event);
  const typed = events.length <= TYPED_MAX ? await decodePayloads(events, program, gdb) : [];
  const isNumber = found.some(({ value }) => value !== 1n);
  const rows = found.map(({ event, value }, i): Row => ({ reactor, event, typed: typed[i], value: isNumber ? String(value) : undefined }));
  output.line();
  showEvents({ recording, reactors: [reactor], rows, cutShort: 'crashed' }, output);
}
