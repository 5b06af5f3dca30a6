// A recording as plain JSON: what the vectors are compared with. The C++ reader is compared with the same text, so it has
// only what both of them know, apart from `problems`.

import { type RecordedEvent, type Recording, type SnapshotInfo, type ThreadState } from '../../debug-adapter/recording';

const hex = (value: bigint) => `0x${value.toString(16)}`;

export function describeRecording(recording: Recording) {
  return {
    state: recording.state,
    crash: recording.crash && {
      signal: recording.crash.signal,
      code: recording.crash.code,
      address: hex(recording.crash.address),
      rip: hex(recording.crash.rip),
      reactor: recording.crash.reactor ?? null,
      event: recording.crash.event ?? null,
    },
    reactors: recording.reactors.map(({ id, name, type, started, finished, crashEvent }) => {
      const log = recording.log(id);
      return {
        id,
        name,
        type,
        started,
        finished,
        crashEvent: crashEvent ?? null,
        first: log.first,
        end: log.end,
        snapshots: recording.snapshots(id).map((snapshot) => snapshot.position),
        ...describeSurroundings(recording.snapshots(id)),
        events: [...log.events(log.first, log.end - log.first)].map(describeEvent),
      };
    }),
    problems: recording.verify(),
  };
}

/** Of recordings that have them. */
function describeSurroundings(snapshots: readonly SnapshotInfo[]) {
  const known = snapshots.filter(({ threadState }) => threadState !== undefined);
  return known.length === 0
    ? {}
    : { surroundings: known.map(({ threadState, locale }) => ({ threadState: describeThread(threadState), locale })) };
}

const describeEvent = (event: RecordedEvent) => ({
  number: event.number,
  type: event.type.name,
  codec: event.type.codec,
  thunk: hex(event.type.thunk),
  timeNs: String(event.timeNs),
  payload: event.payload.toString('hex'),
  done: event.done && {
    durationNs: event.done.durationNs,
    threw: event.done.threw,
    allocations: hex(event.done.allocations),
    outbound: hex(event.done.outbound),
    ...(event.done.digests && { heapDigest: hex(event.done.digests.heap), variablesDigest: hex(event.done.digests.variables) }),
  },
  foreignFrees: event.foreignFrees.map(hex),
  ...(event.sender === undefined ? {} : { sender: event.sender }),
  ...(event.sent.length === 0 ? {} : { sent: event.sent.map((sent) => ({ ...sent, payload: sent.payload.toString('hex') })) }),
  ...(event.failures.length === 0 ? {} : { failures: event.failures.map(({ site, sentence }) => ({ site: hex(site), sentence })) }),
  threadState: describeThread(event.threadState),
});

const describeThread = (state: ThreadState | undefined) =>
  state && { ...state, variables: state.variables.map(({ module, bytes }) => ({ module: hex(module), bytes })) };
