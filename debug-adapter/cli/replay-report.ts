// How a replay compares with what was recorded: pure, from the recording and the replayer's last report.

import { grouped, hasFaultAddress, type ReactorInfo, type Recording, signalName } from '../recording';
import { isStackOverflow } from '../replay/crashes';
import { asRecorded, relocationSentences } from '../replay/relocation';
import { type Crash, type Divergence, type Relocated, type Stopped, type Warning } from '../replay/reports';
import { firstRedacted } from './redacted';
import { hexAddress } from './text';

export interface ReplayResult {
  readonly from: number;
  readonly end: Stopped | Crash;
  readonly divergences: readonly Divergence[];
  readonly warnings: readonly Warning[];
  readonly relocated: Relocated | undefined;
}

export type ReplayReport = ReturnType<typeof compareReplay>;

export function compareReplay(
  recording: Recording,
  reactor: ReactorInfo,
  target: number,
  { from, end: ended, divergences, warnings, relocated }: ReplayResult,
) {
  const end = ended.event === 'crash' ? crashAsRecorded(ended, relocated) : ended;
  const position = end.event === 'crash' ? end.eventNumber : end.position;
  const differences = end.event === 'crash' ? crashDifferences(recording, reactor, end) : stopDifferences(recording, reactor, target, end);
  const redactedFrom = firstRedacted(recording, reactor, end.event === 'crash' ? position + 1 : position) ?? null;
  return {
    reactor: reactor.id,
    name: reactor.name,
    from,
    position,
    events: Math.max(0, position - from),
    reason: end.event === 'crash' ? ('crash' as const) : end.reason,
    crash: end.event === 'crash' ? crashOf(end) : null,
    crashRecorded: recording.crash !== undefined,
    interrupted: recording.state === 'killed' && position > (reactor.crashEvent ?? Infinity) ? (reactor.crashEvent ?? null) : null,
    differences,
    divergences: divergences.map(({ event: _, ...divergence }) => divergence),
    warnings: warnings.map(({ event: _, ...warning }) => warning),
    redactedFrom,
    relocated: relocated === undefined ? null : describeRelocation(relocated),
    faithful: differences.length === 0 && divergences.length === 0 && redactedFrom === null && relocated === undefined,
  };
}

/** Of a reactor that was moved, in the addresses of the recording. */
const crashAsRecorded = (crash: Crash, relocated: Relocated | undefined): Crash => ({
  ...crash,
  address: asRecorded(crash.address, relocated),
  rip: asRecorded(crash.rip, relocated),
});

const describeRelocation = ({ event: _, from, to, ...words }: Relocated) => ({
  from: hexAddress(from),
  to: hexAddress(to),
  ...words,
  sentences: relocationSentences({ event: 'relocated', from, to, ...words }),
});

const crashOf = ({ eventNumber, signal, code, address, rip, rsp }: Crash) => ({
  event: eventNumber,
  signal: signalName(signal),
  code,
  address: hasFaultAddress(signal, code) ? hexAddress(address) : null,
  instruction: hexAddress(rip),
  stackOverflow: isStackOverflow({ signal, code, address, rsp }),
});

/** How the crash of the replay differs from the recorded one, a sentence each. */
function crashDifferences(recording: Recording, reactor: ReactorInfo, end: Crash): string[] {
  const { crash } = recording;
  if (reactor.crashEvent === undefined) return [`the replay crashed in event ${grouped(end.eventNumber)}, the recorded process did not`];
  const event = differs('crashing event', end.eventNumber, reactor.crashEvent);
  if (crash === undefined || crash.reactor !== reactor.id) return event;
  const signal = [...differs('signal', signalName(end.signal), crash.signalName), ...differs('signal code', end.code, crash.code)];
  if (isStackOverflow(end) && isStackOverflow(crash)) return [...event, ...signal];
  return [
    ...event,
    ...signal,
    ...(hasFaultAddress(crash.signal, crash.code) ? differs('fault address', hexAddress(end.address), hexAddress(crash.address)) : []),
    ...differs('instruction', hexAddress(end.rip), hexAddress(crash.rip)),
  ];
}

const differs = (what: string, replayed: string | number, recorded: string | number): string[] =>
  replayed === recorded ? [] : [`the ${what} is ${replayed}, recorded was ${recorded}`];

/**
 * A replay that did not crash should have, if the process crashed in this reactor. Not so a reactor that was only in the
 * middle of delivering to the one that did, nor one whose process was killed.
 */
function stopDifferences(recording: Recording, reactor: ReactorInfo, target: number, end: Stopped): string[] {
  const crashed = recording.state === 'crashed' && recording.crashedReactor()?.id === reactor.id ? reactor.crashEvent : undefined;
  if (crashed !== undefined && end.position > crashed)
    return [`event ${grouped(crashed)} crashed when it was recorded, but not in the replay`];
  return end.position < target ? [`the log ends at position ${grouped(end.position)}, before ${grouped(target)}`] : [];
}
