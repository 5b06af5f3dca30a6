// afterimage replay: runs the events of a reactor again, in a new process of the same executable, and says whether it was the same.

import { hasFaultAddress, type ReactorInfo, type Recording, signalName } from '../recording';
import { findProgram } from '../replay/find-program';
import { Replayer } from '../replay/replayer';
import { type Crash, type Divergence, type Stopped } from '../replay/reports';
import { chosenReactor, wholeNumber } from './arguments';
import { ExitCode } from './exit-codes';
import { type Output, progressBar } from './output';
import { counted, hexAddress, printable } from './text';

export interface ReplayCommandOptions {
  readonly to?: string;
  readonly reactor?: string;
  readonly program?: string;
  readonly showOutput?: boolean;
  readonly force?: boolean;
}

export async function replay(recording: Recording, options: ReplayCommandOptions, output: Output): Promise<ExitCode> {
  const reactor = chosenReactor(recording, options.reactor);
  const program = findProgram(recording, options.program);
  const target = options.to === undefined ? endOf(recording, reactor) : wholeNumber('--to', options.to);
  const onOutput = options.showOutput === true ? { onOutput: (text: string) => void process.stderr.write(text) } : {};
  const replayer = Replayer.start(recording, { reactor: reactor.id, program, force: options.force === true, ...onOutput });
  try {
    const result = await runTo(replayer, target, output);
    const report = compare(recording, reactor, target, result);
    if (output.json) output.document(report);
    else show(report, output);
    return report.faithful ? ExitCode.ok : ExitCode.negative;
  } finally {
    await replayer.quit();
  }
}

/** Behind the last event: in a crashed reactor the last one is where it crashed. */
const endOf = (recording: Recording, reactor: ReactorInfo): number =>
  reactor.crashEvent === undefined ? recording.log(reactor.id).end : reactor.crashEvent + 1;

interface Result {
  readonly from: number;
  readonly end: Stopped | Crash;
  readonly divergences: readonly Divergence[];
}

async function runTo(replayer: Replayer, target: number, output: Output): Promise<Result> {
  const ready = await replayer.ready();
  const bar = progressBar('replaying', ready.position, target, output.json);
  replayer.on('progress', (position) => bar.update(position));
  try {
    const end = await replayer.run(target);
    return { from: ready.position, end, divergences: replayer.divergences };
  } finally {
    bar.stop();
  }
}

type Report = ReturnType<typeof compare>;

function compare(recording: Recording, reactor: ReactorInfo, target: number, { from, end, divergences }: Result) {
  const crashed = end.event === 'crash';
  const position = crashed ? end.eventNumber : end.position;
  const differences = crashed ? crashDifferences(recording, reactor, end) : missingCrash(recording, reactor, target, end);
  return {
    reactor: reactor.id,
    name: reactor.name,
    from,
    position,
    events: Math.max(0, position - from),
    crash: crashed
      ? {
          event: end.eventNumber,
          signal: signalName(end.signal),
          code: end.code,
          address: hexAddress(end.address),
          instruction: hexAddress(end.rip),
        }
      : null,
    crashRecorded: recording.crash !== undefined,
    reason: crashed ? ('crash' as const) : end.reason,
    differences,
    divergences: divergences.map(({ eventNumber, kind, recorded, replayed }) => ({ eventNumber, kind, recorded, replayed })),
    faithful: differences.length === 0 && divergences.length === 0,
  };
}

/** How the crash of the replay differs from the recorded one, a sentence each. */
function crashDifferences(recording: Recording, reactor: ReactorInfo, end: Crash): string[] {
  const crash = recording.crash;
  const differs = (what: string, replayed: string | number, recorded: string | number) =>
    replayed === recorded ? [] : [`the ${what} is ${replayed}, recorded was ${recorded}`];
  if (reactor.crashEvent === undefined) return [`the replay crashed in event ${end.eventNumber}, the recorded process did not`];
  const event = differs('crashing event', end.eventNumber, reactor.crashEvent);
  if (crash === undefined || crash.reactor !== reactor.id) return event;
  return [
    ...event,
    ...differs('signal', signalName(end.signal), crash.signalName),
    ...differs('signal code', end.code, crash.code),
    ...(hasFaultAddress(crash.signal, crash.code) ? differs('fault address', hexAddress(end.address), hexAddress(crash.address)) : []),
    ...differs('instruction', hexAddress(end.rip), hexAddress(crash.rip)),
  ];
}

/** A reactor that was in the middle of delivering to the one that crashed does not crash by itself. */
function missingCrash(recording: Recording, reactor: ReactorInfo, target: number, end: Stopped): string[] {
  const { crashEvent } = reactor;
  const crashedHere = crashEvent !== undefined && recording.crashedReactor()?.id === reactor.id;
  if (crashedHere && end.position > crashEvent) return [`event ${crashEvent} crashed when it was recorded, but not in the replay`];
  return end.position < target ? [`the log ends at position ${end.position}, before ${target}`] : [];
}

function show(report: Report, { colors: c, line }: Output): void {
  line(`Replayed ${counted(report.events, 'event')} of ${printable(report.name)}, from position ${report.from} to ${report.position}.`);
  for (const { eventNumber, kind, recorded, replayed } of report.divergences) {
    line(
      c.yellow(`Divergence in event ${eventNumber}: ${printable(kind)}; recorded ${printable(recorded)}, replayed ${printable(replayed)}.`),
    );
  }
  if (report.crash !== null) line(crashSentence(report.crash));
  for (const difference of report.differences) line(c.yellow(`Not as recorded: ${difference}.`));
  line(report.faithful ? c.green(verdict(report)) : c.red('The replay differs from the recording.'));
}

const crashSentence = (crash: NonNullable<Report['crash']>): string =>
  `Crashed in event ${crash.event}: ${crash.signal} at instruction ${crash.instruction}, address ${crash.address}.`;

function verdict(report: Report): string {
  if (report.crash === null) return report.reason === 'end' ? 'To the end of the log without a divergence.' : 'No divergence.';
  if (!report.crashRecorded) return 'The same event as recorded; the process left no report of its end to compare the rest with.';
  return 'The same crash as recorded: same event, signal, instruction and fault address.';
}
