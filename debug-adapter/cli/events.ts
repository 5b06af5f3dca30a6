// afterimage events: the events of one reactor, a row each.

import { findProgram } from '../replay/find-program';
import { type EventLog, type ReactorInfo, type RecordedEvent, type Recording } from '../recording';
import { chosenReactor, wholeNumber } from './arguments';
import { noSuchType } from './errors';
import { ExitCode } from './exit-codes';
import { type Output } from './output';
import { cut, duration, hexAddress, printable, table, timeOfDay, wrapped } from './text';
import { decodePayloads, type Typed } from './typed-payloads';

const PREVIEW_BYTES_MAX = 64;
const INDENT = ' '.repeat(8);

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
  if (output.json) output.document(document(reactor, log, chosen, typed));
  else show(reactor, log, chosen, typed, output);
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
    const found = [...log.events(from, log.end - from)].filter(wanted);
    if (found.length >= count || from === log.first) return count === 0 ? [] : found.slice(-count);
  }
}

function document(reactor: ReactorInfo, log: EventLog, chosen: readonly RecordedEvent[], typed: readonly (Typed | undefined)[]) {
  const rows = chosen.map((event, i) => ({
    number: event.number,
    type: event.type.name,
    codec: event.type.codec,
    timeNs: event.timeNs,
    bytes: event.payload.length,
    payload: event.payload.toString('hex'),
    ...(typed[i] === undefined ? {} : { typed: typed[i] }),
    done: event.done === undefined ? null : { ...event.done },
    foreignFrees: event.foreignFrees.map(hexAddress),
    crash: event.number === reactor.crashEvent,
  }));
  return { reactor: reactor.id, name: reactor.name, first: log.first, end: log.end, crashEvent: reactor.crashEvent ?? null, events: rows };
}

function show(
  reactor: ReactorInfo,
  log: EventLog,
  chosen: readonly RecordedEvent[],
  typed: readonly (Typed | undefined)[],
  output: Output,
): void {
  const { colors: c } = output;
  const holds = log.first === log.end ? 'no events' : `events ${log.first}\u2013${log.end - 1}`;
  output.line(c.bold(printable(reactor.name)) + c.dim(` ${printable(reactor.type)}, ${holds}`));
  if (chosen.length === 0) return output.line(c.dim('nothing to show'));
  for (const [i, line] of eventLines(reactor, chosen, typed, output.width).entries()) {
    const crashed = i > 0 && chosen[i - 1]?.number === reactor.crashEvent;
    output.line(i === 0 ? c.dim(line) : crashed ? c.red(line) : line);
  }
  for (const error of new Set(typed.flatMap((t) => (t !== undefined && 'error' in t ? [t.error] : [])))) {
    output.line(c.yellow(`! ${printable(error)}`));
  }
}

function eventLines(
  reactor: ReactorInfo,
  chosen: readonly RecordedEvent[],
  typed: readonly (Typed | undefined)[],
  width: number,
): string[] {
  const columns = [
    { title: 'number', right: true },
    { title: 'time' },
    { title: 'type', elastic: true },
    { title: 'bytes', right: true },
    { title: 'took', right: true },
  ];
  const rows = chosen.map((event) => [
    String(event.number),
    timeOfDay(event.timeNs),
    typeName(event.type.name, width),
    String(event.payload.length),
    took(event, reactor),
  ]);
  const lines = table(columns, rows, width);
  const column = Math.max(...lines.map((line) => line.length)) + 2;
  return lines.map((line, i) => {
    const event = chosen[i - 1];
    const payload = event === undefined ? 'payload' : preview(event.payload, typed[i - 1], width, column);
    return payload.startsWith('\n') ? line + payload : `${line.padEnd(column)}${payload}`.trimEnd();
  });
}

const typeName = (name: string, width: number) => cut(printable(name), Math.max(12, Math.floor(width / 4)));

function took(event: RecordedEvent, reactor: ReactorInfo): string {
  if (event.done !== undefined) return `${duration(event.done.durationNs)}${event.done.threw ? ' threw' : ''}`;
  return event.number === reactor.crashEvent ? 'crashed' : 'never';
}

/** A value where there is room for it, else below; bytes as many as fit. */
function preview(payload: Buffer, typed: Typed | undefined, width: number, column: number): string {
  if (typed === undefined || !('text' in typed)) return bytesPreview(payload, width - column);
  const text = printable(typed.text);
  return text.length <= width - column ? text : `\n${INDENT}${wrapped(text, width, INDENT)}`;
}

/** In hexadecimal, four bytes a group, and as text: 3 1/4 characters a byte. */
function bytesPreview(payload: Buffer, width: number): string {
  const fitting = Math.max(4, Math.min(PREVIEW_BYTES_MAX, Math.floor(((width - 2) / 13) * 4)));
  const shown = payload.subarray(0, payload.length > fitting ? fitting & ~3 : fitting);
  const groups = shown.toString('hex').match(/.{1,8}/g) ?? [];
  const ascii = [...shown].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
  return `${groups.join(' ')}${payload.length > shown.length ? '\u2026' : ' '} ${ascii}`.trimEnd();
}
