// afterimage events: the events of one reactor, a row each.

import { findProgram } from '../replay/find-program';
import { type EventLog, type ReactorInfo, type RecordedEvent, type Recording } from '../recording';
import { chosenReactor, wholeNumber } from './arguments';
import { noSuchType } from './errors';
import { showEvents, writeEvents } from './events-table';
import { ExitCode } from './exit-codes';
import { type Output } from './output';
import { decodePayloads } from '../questions/typed-payloads';

export interface EventsOptions {
  readonly reactor?: string;
  readonly all?: boolean;
  readonly from?: string;
  readonly count: string;
  readonly type?: string;
  readonly typed?: boolean;
  readonly program?: string;
  readonly gdb: string;
}

export async function events(recording: Recording, options: EventsOptions, output: Output): Promise<ExitCode> {
  const reactors = options.all === true ? recording.reactors : [chosenReactor(recording, options.reactor)];
  const chosen = reactors.flatMap((reactor) => {
    const events = chooseEvents(recording.log(reactor.id), options, reactors.length > 1);
    return events.map((event) => ({ reactor, event }));
  });
  if (options.all === true) keepLatest(chosen, options);
  const payloads = chosen.map(({ event }) => event);
  const typed = options.typed === true ? await decodePayloads(payloads, findProgram(recording, options.program), options.gdb) : [];
  const rows = chosen.map((row, i) => ({ ...row, typed: typed[i] }));
  const cutShort = recording.state === 'crashed' ? 'crashed' : 'cut short';
  const selection = { recording, reactors, rows, cutShort };
  if (output.json) writeEvents(selection, output);
  else showEvents(selection, output);
  return ExitCode.ok;
}

/** In the order of time; the recorder sees to it that it is also that of cause and effect. */
function keepLatest(chosen: { reactor: ReactorInfo; event: RecordedEvent }[], { count, from }: EventsOptions): void {
  chosen.sort((a, b) => Number(a.event.timeNs - b.event.timeNs) || a.reactor.id - b.reactor.id);
  const surplus = Math.max(0, chosen.length - wholeNumber('--count', count, { example: '20' }));
  chosen.splice(from === undefined ? 0 : chosen.length - surplus, surplus);
}

/** `among`: of several reactors, of which not each may have the type. */
function chooseEvents(log: EventLog, options: EventsOptions, among: boolean): RecordedEvent[] {
  const count = wholeNumber('--count', options.count, { example: '20' });
  const wanted = typeFilter(log, options.type, among);
  if (options.from === undefined) return lastMatching(log, count, wanted);
  const given = wholeNumber('--from', options.from, { negative: true, example: '-100' });
  const from = Math.max(log.first, given < 0 || Object.is(given, -0) ? log.end + given : given);
  if (given >= log.end && log.end > log.first && !among) log.event(given); // says which events there are
  return firstMatching(log, from, count, wanted);
}

/** A type is meant by its full name, or by the last part of it. */
function typeFilter(log: EventLog, wanted: string | undefined, among: boolean): (event: RecordedEvent) => boolean {
  if (wanted === undefined) return () => true;
  const matching = log.types.filter(({ name }) => name === wanted || name.endsWith(`::${wanted}`));
  if (matching.length === 0 && !among) throw noSuchType(wanted, log.types.map((type) => type.name)); // prettier-ignore
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
