// A recording as lines of words, for the C++ reader: test/recorder/format_vectors_test.cc prints the same. The replayer
// reads only what can be replayed, so the lines end where the log has its first hole.

import { type RecordedEvent, type Recording } from '../../debug-adapter/recording';

export function recordingLines(recording: Recording): string {
  const lines = recording.reactors.flatMap(({ id }) => {
    const log = recording.log(id);
    const snapshots = recording.snapshots(id).map((s) => `r${id} snapshot ${s.position} ${s.parentPosition} ${s.kind} ${s.loads.length}`);
    const events = [...log.events(log.first, log.end - log.first)];
    const whole = events.filter((event, i) => event.number === log.first + i);
    return [`r${id} first ${log.first}`, ...snapshots, ...whole.map((event) => `r${id} ${eventLine(event)}`)];
  });
  return lines.map((line) => `${line}\n`).join('');
}

function eventLine({ number, type, payload, done, foreignFrees, sender, sent }: RecordedEvent): string {
  const hex = (value: bigint) => value.toString(16);
  const end =
    done === undefined ? '-' : [done.durationNs, done.threw ? 'threw' : 'returned', hex(done.allocations), hex(done.outbound)].join(',');
  const frees = foreignFrees.map(hex).join(',') || '-';
  const from = sender === undefined ? '' : ` from ${sender.reactor},${sender.event},${sender.message}`;
  const to = sent.map((message) => ` to ${message.reactor},${message.type},${message.payload.toString('hex') || '-'}`).join('');
  return `event ${number} ${frees} ${type.codec} ${hex(type.thunk)} ${payload.toString('hex') || '-'} ${end} ${type.name}${from}${to}`;
}
