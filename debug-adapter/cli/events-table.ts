// Chosen events as a table for people, and as a document for programs.

import { type EventLog, type ReactorInfo, type RecordedEvent } from '../recording';
import { type Output } from './output';
import { cut, duration, hexAddress, longest, printable, table, timeOfDay, wrapped } from './text';
import { type Typed } from './typed-payloads';

const PREVIEW_BYTES_MAX = 64;
const INDENT = ' '.repeat(8);
const COLUMNS = [
  { title: 'number', right: true },
  { title: 'time' },
  { title: 'type', elastic: true },
  { title: 'bytes', right: true },
  { title: 'took', right: true },
];

export interface Row {
  readonly event: RecordedEvent;
  readonly typed: Typed | undefined;
}

export interface Selection {
  readonly reactor: ReactorInfo;
  readonly log: EventLog;
  readonly rows: readonly Row[];
  /** What to call the event during which the process ended. */
  readonly cutShort: string;
  /** Made from a core dump. */
  readonly imported: boolean;
}

export function writeEvents({ reactor, log, rows }: Selection, output: Output): void {
  const { id, name, crashEvent = null } = reactor;
  output.longDocument({ reactor: id, name, first: log.first, end: log.end, crashEvent }, 'events', eventDocuments(rows, crashEvent));
}

function* eventDocuments(rows: readonly Row[], crashEvent: number | null) {
  for (const row of rows) yield eventDocument(row, crashEvent);
}

const eventDocument = ({ event, typed }: Row, crashEvent: number | null) => ({
  number: event.number,
  type: event.type.name,
  codec: event.type.codec,
  timeNs: event.timeNs,
  bytes: event.payload.length,
  payload: event.payload.toString('hex'),
  ...(typed === undefined ? {} : { typed }),
  done: event.done ?? null,
  foreignFrees: event.foreignFrees.map(hexAddress),
  crash: event.number === crashEvent,
});

export function showEvents(selection: Selection, output: Output): void {
  const { reactor, log, rows } = selection;
  const { colors: c } = output;
  const holds = log.first === log.end ? 'no events' : `events ${log.first}\u2013${log.end - 1}`;
  output.line(c.bold(printable(reactor.name)) + c.dim(` ${printable(reactor.type)}, ${holds}`));
  if (rows.length === 0) return output.line(c.dim('nothing to show'));
  const [title = '', ...lines] = eventLines(selection, output.width);
  output.line(c.dim(title));
  lines.forEach((line, i) => output.line(rows[i]?.event.number === reactor.crashEvent ? c.red(line) : line));
  const errors = rows.flatMap(({ typed }) => (typed !== undefined && 'error' in typed ? [typed.error] : []));
  for (const error of new Set(errors)) output.line(c.yellow(`! ${printable(error)}`));
}

/** The payload takes what the other columns leave. */
function eventLines(selection: Selection, width: number): string[] {
  const cells = selection.rows.map(({ event }) => [
    String(event.number),
    timeOfDay(event.timeNs),
    cut(printable(event.type.name), Math.max(12, Math.floor(width / 4))),
    String(event.payload.length),
    took(event, selection),
  ]);
  const lines = table(COLUMNS, cells, width);
  const column = longest(lines) + 2;
  const payloads = ['payload', ...selection.rows.map((row) => preview(row, width, column))];
  return lines.map((line, i) => {
    const payload = payloads[i] ?? '';
    return payload.startsWith('\n') ? line + payload : `${line.padEnd(column)}${payload}`.trimEnd();
  });
}

function took(event: RecordedEvent, { reactor, cutShort, imported }: Selection): string {
  if (event.done !== undefined) return `${duration(event.done.durationNs)}${event.done.threw ? ' threw' : ''}`;
  if (event.number === reactor.crashEvent) return cutShort;
  return imported && event.number < reactor.finished ? 'unknown' : 'never'; // a bare core does not say how long react() took
}

/** A value where there is room for it, else below; bytes as many as fit. */
function preview({ event, typed }: Row, width: number, column: number): string {
  if (typed === undefined || !('text' in typed)) return bytesPreview(event.payload, width - column);
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
