// Chosen events as a table for people, and as a document for programs.

import { grouped, ownBytes, type ReactorInfo, type RecordedEvent, type Recording, type SentEvent } from '../recording';
import { type Output } from './output';
import { cut, duration, hexAddress, longest, printable, table, timeOfDay, wrapped } from './text';
import { type Typed } from '../questions/typed-payloads';

const PREVIEW_BYTES_MAX = 64;
/** Of four bytes; fewer tell nothing. */
const PREVIEW_WIDTH_MIN = 14;
const INDENT = ' '.repeat(8);

export interface Row {
  readonly reactor: ReactorInfo;
  readonly event: RecordedEvent;
  readonly typed: Typed | undefined;
  /** Of an expression, after the event. */
  readonly value?: string | undefined;
}

export interface Selection {
  readonly recording: Recording;
  /** One, or all. */
  readonly reactors: readonly ReactorInfo[];
  readonly rows: readonly Row[];
  /** What to call the event during which the process ended. */
  readonly cutShort: string;
}

export function writeEvents({ recording, reactors, rows }: Selection, output: Output): void {
  const facts = reactors.map(({ id, name, crashEvent = null }) => {
    const log = recording.log(id);
    return { reactor: id, name, first: log.first, end: log.end, crashEvent };
  });
  const [only, ...others] = facts;
  output.longDocument(only !== undefined && others.length === 0 ? only : { reactors: facts }, 'events', eventDocuments(recording, rows));
}

function* eventDocuments(recording: Recording, rows: readonly Row[]) {
  for (const row of rows) yield eventDocument(recording, row);
}

const eventDocument = (recording: Recording, { reactor, event, typed }: Row) => ({
  reactor: reactor.id,
  number: event.number,
  type: event.type.name,
  codec: event.type.codec,
  timeNs: event.timeNs,
  bytes: event.payload.length,
  payload: event.payload.toString('hex'),
  ...(typed === undefined ? {} : { typed }),
  done: event.done ?? null,
  foreignFrees: event.foreignFrees.map(hexAddress),
  sender: event.sender === undefined ? null : { ...event.sender, ...whetherGone(recording, event.sender, event) },
  sent: event.sent.map((sent) => ({ ...sent, payload: sent.payload.toString('hex'), ...whetherGone(recording, sent, event) })),
  failures: event.failures.map(({ site, sentence }) => ({ site: hexAddress(site), sentence })),
  crash: event.number === reactor.crashEvent,
});

const whetherGone = (recording: Recording, other: { readonly reactor: number }, { timeNs }: RecordedEvent) =>
  recording.meantAnother(other.reactor, timeNs) ? { gone: true } : {};

export function showEvents(selection: Selection, output: Output): void {
  const { reactors, rows } = selection;
  const { colors: c } = output;
  for (const reactor of reactors)
    output.line(c.bold(printable(reactor.name)) + c.dim(` ${printable(reactor.type)}, ${held(selection, reactor)}`));
  if (rows.length === 0) return output.line(c.dim('nothing to show'));
  const [title = '', ...lines] = eventLines(selection, output.width);
  output.line(c.dim(title));
  lines.forEach((line, i) => output.line(isCrash(rows[i]) ? c.red(line) : line));
  const errors = rows.flatMap(({ typed }) => (typed !== undefined && 'error' in typed ? [typed.error] : []));
  for (const error of new Set(errors)) output.line(c.yellow(`! ${printable(error)}`));
}

function held({ recording }: Selection, reactor: ReactorInfo): string {
  const { first, end } = recording.log(reactor.id);
  return first === end ? 'no events' : `events ${grouped(first)}\u2013${grouped(end - 1)}`;
}

const isCrash = (row: Row | undefined): boolean => row !== undefined && row.event.number === row.reactor.crashEvent;

/** One of the table's columns, or none where nothing would stand in it. */
interface Column {
  readonly title: string;
  readonly right?: boolean;
  readonly elastic?: boolean;
  readonly cell: (row: Row) => string;
}

function columns(selection: Selection, width: number): Column[] {
  const { recording, reactors, rows } = selection;
  const typeWidth = Math.max(12, Math.floor(width / 4));
  const from = ({ sender, timeNs }: RecordedEvent) =>
    sender === undefined ? '' : `${nameOf(recording, sender.reactor, timeNs)} ${grouped(sender.event)}`;
  return [
    ...(reactors.length > 1 ? [{ title: 'reactor', cell: ({ reactor }: Row) => printable(reactor.name) }] : []),
    { title: 'number', right: true, cell: ({ event }) => grouped(event.number) },
    { title: 'time', cell: ({ event }) => timeOfDay(event.timeNs) },
    { title: 'type', elastic: true, cell: ({ event }) => cut(printable(event.type.name), typeWidth) },
    ...(rows.some(({ event }) => event.sender !== undefined) ? [{ title: 'from', cell: ({ event }: Row) => from(event) }] : []),
    { title: 'bytes', right: true, cell: ({ event }) => grouped(event.payload.length) },
    { title: 'took', right: true, cell: (row) => took(row, selection) },
    ...(rows.some(({ value }) => value !== undefined) ? [{ title: 'value', right: true, cell: ({ value = '' }: Row) => value }] : []),
  ];
}

function nameOf(recording: Recording, id: number, timeNs: bigint): string {
  if (recording.meantAnother(id, timeNs)) return `r${id} (gone)`;
  return printable(recording.reactors.find((reactor) => reactor.id === id)?.name ?? `r${id}`);
}

/** The payload takes what the other columns leave, if that is enough; below it is what the event sent, if that was recorded, and what went wrong. */
function eventLines(selection: Selection, width: number): string[] {
  const shown = columns(selection, width);
  const cells = selection.rows.map((row) => shown.map(({ cell }) => cell(row)));
  const besidePayload = table(shown, cells, width - PREVIEW_WIDTH_MIN - 2);
  const isRoom = longest(besidePayload) + 2 + PREVIEW_WIDTH_MIN <= width;
  const lines = isRoom ? besidePayload : table(shown, cells, width);
  const column = longest(lines) + 2;
  const payloads = [isRoom ? 'payload' : '', ...selection.rows.map((row) => preview(row, width, column))];
  const below = ['', ...selection.rows.map(({ event }) => linesBelow(selection.recording, event, width).join(''))];
  return lines.map((line, i) => {
    const payload = payloads[i] ?? '';
    return (payload.startsWith('\n') ? line + payload : `${line.padEnd(column)}${payload}`.trimEnd()) + (below[i] ?? '');
  });
}

const linesBelow = (recording: Recording, { sent, failures, timeNs }: RecordedEvent, width: number): string[] => [
  ...sent.map((one) => sentLine(one, nameOf(recording, one.reactor, timeNs), width)),
  ...failures.map(({ sentence }) => `\n${INDENT}! ${wrapped(printable(sentence), width, `${INDENT}  `)}`),
];

function sentLine({ bytes, payload }: SentEvent, addressee: string, width: number): string {
  const what = `${INDENT}to ${addressee}: ${grouped(bytes)} bytes  `;
  return `\n${what}${bytesPreview(payload, width - what.length)}`.trimEnd();
}

function took({ reactor, event }: Row, { recording, cutShort }: Selection): string {
  if (event.done !== undefined) return `${duration(event.done.durationNs)}${event.done.threw ? ' threw' : ''}`;
  if (event.number === reactor.crashEvent) return cutShort;
  return recording.imported !== undefined && event.number < reactor.finished ? 'unknown' : 'never'; // a bare core does not say how long react() took
}

/** A value where there is room for it, else below; bytes as many as fit. */
function preview({ event, typed }: Row, width: number, column: number): string {
  if (typed === undefined || !('text' in typed)) return bytesPreview(ownBytes(event), width - column);
  const text = printable(typed.text);
  return text.length <= width - column ? text : `\n${INDENT}${wrapped(text, width, INDENT)}`;
}

/** In hexadecimal, four bytes a group, and as text: 3 1/4 characters a byte. Nothing where there is no room. */
function bytesPreview(payload: Buffer, width: number): string {
  if (width < PREVIEW_WIDTH_MIN) return '';
  const fitting = Math.min(PREVIEW_BYTES_MAX, 4 * Math.floor((width - 1) / 13));
  const shown = payload.subarray(0, payload.length > fitting ? fitting & ~3 : fitting);
  const groups = shown.toString('hex').match(/.{1,8}/g) ?? [];
  const ascii = [...shown].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
  return `${groups.join(' ')}${payload.length > shown.length ? '\u2026' : ' '} ${ascii}`.trimEnd();
}
