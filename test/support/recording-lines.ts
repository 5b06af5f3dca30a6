// A recording as lines of words, for the C++ reader: test/recorder/format_vectors_test.cc prints the same. The replayer
// reads only what can be replayed, so the lines end where the log has its first hole.

import { madeEvent, type RecordedEvent, type Recording, type SnapshotInfo, type ThreadState } from '../../debug-adapter/recording';

export function recordingLines(recording: Recording): string {
  const lines = recording.reactors.flatMap(({ id, finished }) => {
    const log = recording.log(id);
    const snapshots = recording.snapshots(id).map((s) => `r${id} ${snapshotLine(s)}`);
    const events = [...log.events(log.first, log.end - log.first)];
    const whole = events.filter((event, i) => event.number === log.first + i);
    const unfinished = whole
      .filter(({ number, done }) => number >= finished && done === undefined)
      .map(({ number }) => `unfinished ${number}`);
    return [`r${id} first ${log.first}`, ...snapshots, ...[...whole.flatMap(eventLines), ...unfinished].map((line) => `r${id} ${line}`)];
  });
  return lines.map((line) => `${line}\n`).join('');
}

function snapshotLine({ position, parentPosition, kind, loads, threadState, locale }: SnapshotInfo): string {
  const thread = threadState === undefined ? '' : ` ${threadWords(threadState)}`;
  return `snapshot ${position} ${parentPosition} ${kind} ${loads.length}${thread}${locale === undefined ? '' : ` ${locale.c} ${locale.cpp}`}`;
}

function threadWords({ mxcsr, x87Control, variables }: ThreadState): string {
  const blocks = variables.map(({ module, bytes }) => `${module.toString(16)}:${bytes}`);
  return `thread ${mxcsr.toString(16)} ${x87Control.toString(16)} ${blocks.join(',') || '-'}`;
}

const hex = (value: bigint) => value.toString(16);

const eventLines = (event: RecordedEvent): string[] =>
  event.threadState === undefined ? [eventLine(event)] : [threadWords(event.threadState), eventLine(event)];

function eventLine(event: RecordedEvent): string {
  const { number, type, payload, done, foreignFrees, sender, sent } = event;
  const digests = done?.digests === undefined ? [] : [hex(done.digests.heap), hex(done.digests.variables)];
  const end =
    done === undefined
      ? '-'
      : [done.durationNs, done.threw ? 'threw' : 'returned', hex(done.allocations), hex(done.outbound), ...digests].join(',');
  const frees = foreignFrees.map(hex).join(',') || '-';
  const from = sender === undefined ? '' : ` from ${sender.reactor},${sender.event},${sender.message}`;
  const to = sent.map((message) => ` to ${message.reactor},${message.type},${message.payload.toString('hex') || '-'}`).join('');
  return `event ${number} ${frees} ${type.codec} ${hex(type.thunk)} ${payload.toString('hex') || '-'} ${end} ${type.name}${madeOf(event)}${from}${to}`;
}

function madeOf(event: RecordedEvent): string {
  const made = madeEvent(event);
  if (made === undefined) return '';
  return ` made ${hex(made.address)}${made.blocks.map(({ address, bytes }) => `,${hex(address)}:${bytes.length}`).join('')}`;
}
