// afterimage events: the events of one reactor, a row each.

import { findProgram } from '../replay/find-program';
import { type EventLog, type RecordedEvent, type Recording } from '../recording';
import { chosenReactor, wholeNumber } from './arguments';
import { noSuchType } from './errors';
import { showEvents, writeEvents } from './events-table';
import { ExitCode } from './exit-codes';
import { type Output } from './output';
import { decodePayloads } from './typed-payloads';

export interface EventsOptions {
  readonly reactor?: string;
  readonly from?: string;
  readonly count: string;
  readonly type?: string;
  readonly typed?: boolean;
  readonly program?: string;
  readonly gdb: string;
}

export async function events(recording: Recording, options: EventsOptions, output: Output): Promise<ExitCode> {
  const reactor = chosenReactor(recording, options.reactor);
  const log = recording.log(reactor.id);
  const chosen = chooseEvents(log, options);
  const typed = options.typed === true ? await decodePayloads(chosen, findProgram(recording, options.program), options.gdb) : [];
  const rows = chosen.map((event, i) => ({ event, typed: typed[i] }));
  const cutShort = recording.state === 'crashed' ? 'crashed' : 'cut short';
  const selection = { reactor, log, rows, cutShort, imported: recording.imported !== undefined };
  if (output.json) writeEvents(selection, output);
  else showEvents(selection, output);
  return ExitCode.ok;
}

function chooseEvents(log: EventLog, options: EventsOptions): RecordedEvent[] {
  const count = wholeNumber('--count', options.count, { example: '20' });
  const wanted = typeFilter(log, options.type);
  if (options.from === undefined) return lastMatching(log, count, wanted);
  const given = wholeNumber('--from', options.from, { negative: true, example: '-100' });
  const from = Math.max(log.first, given < 0 || Object.is(given, -0) ? log.end + given : given);
  if (given >= log.end && log.end > log.first) log.event(given); // says which events there are
  return firstMatching(log, from, count, wanted);
}

/** A type is meant by its full name, or by the last part of it. */
function typeFilter(log: EventLog, wanted: string | undefined): (event: RecordedEvent) => boolean {
  if (wanted === undefined) return () => true;
  const matching = log.types.filter(({ name }) => name === wanted || name.endsWith(`::${wanted}`));
  if (matching.length === 0) throw noSuchType(wanted, log.types.map((type) => type.name)); // prettier-ignore
  const ids = new Set(matching.map((type) => type.id));
  return (event) => ids.has(event.type.id);
}

function firstMatching(log: EventLog, from: number, count: number, wanted: (event: RecordedEvent) => boolean): RecordedEvent[] {
  const found: RecordedEvent[] = [];
  for (const event of log.events(from, log.end - from)) {
    if (found.length === count) break;
    if (wanted(event)) found.push(event);
  }
  return found;
}

/** Looks at ever larger pieces from the end: most often the first is enough. */
function lastMatching(log: EventLog, count: number, wanted: (event: RecordedEvent) => boolean): RecordedEvent[] {
  for (let piece = Math.max(count, 1); ; piece *= 8) {
    const from = Math.max(log.first, log.end - piece);
    const found = firstMatching(log, from, Infinity, wanted);
    if (found.length >= count || from === log.first) return count === 0 ? [] : found.slice(-count);
  }
}
