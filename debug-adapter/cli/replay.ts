// afterimage replay: runs the events of a reactor again, in a new process of the same executable, and says whether it was the same.

import { counted, grouped, type ReactorInfo, type Recording } from '../recording';
import { findProgram } from '../replay/find-program';
import { Replayer } from '../replay/replayer';
import { type Crash, type Stopped } from '../replay/reports';
import { chosenReactor, wholeNumber } from './arguments';
import { ExitCode } from './exit-codes';
import { pathOf } from './given-recording';
import { hint, type Output, progressBar } from './output';
import { compareReplay, type ReplayReport as Report, type ReplayResult as Result } from './replay-report';
import { printable, wrapped } from './text';

export interface ReplayCommandOptions {
  readonly to?: string;
  readonly reactor?: string;
  readonly program?: string;
  readonly showOutput?: boolean;
  readonly force?: boolean;
}

export async function replay(recording: Recording, options: ReplayCommandOptions, output: Output): Promise<ExitCode> {
  const report = await replayReactor(recording, chosenReactor(recording, options.reactor), options, output);
  if (output.json) output.document(report);
  else {
    showReplay(report, output);
    if (!report.faithful) hint(output, 'verify', pathOf(recording));
    else if (report.crash !== null) hint(output, 'reduce', pathOf(recording));
  }
  return report.faithful ? ExitCode.ok : ExitCode.negative;
}

type Replaying = (replayer: Replayer, target: number) => Promise<Stopped | Crash>;

/** Replays one reactor, and compares. */
export async function replayReactor(
  recording: Recording,
  reactor: ReactorInfo,
  options: ReplayCommandOptions,
  output: Output,
  how: Replaying = (replayer, target) => replayer.run(target),
): Promise<Report> {
  const program = findProgram(recording, options.program);
  const target = options.to === undefined ? endOf(recording, reactor) : wholeNumber('--to', options.to);
  const onOutput = options.showOutput === true ? { onOutput: (text: string) => void process.stderr.write(text) } : {};
  const replayer = Replayer.start(recording, { reactor: reactor.id, program, force: options.force === true, ...onOutput });
  try {
    return compareReplay(recording, reactor, target, await runTo(replayer, target, output, how));
  } finally {
    await replayer.quit();
  }
}

/** Behind the last event: in a crashed reactor the last one is where it crashed. */
const endOf = (recording: Recording, reactor: ReactorInfo): number =>
  reactor.crashEvent === undefined ? recording.log(reactor.id).end : reactor.crashEvent + 1;

async function runTo(replayer: Replayer, target: number, output: Output, how: Replaying): Promise<Result> {
  const ready = await replayer.ready();
  const bar = progressBar('replaying', ready.position, target, output.json);
  replayer.on('progress', (position) => bar.update(position));
  try {
    const end = await how(replayer, target);
    return { from: ready.position, end, divergences: replayer.divergences, warnings: replayer.warnings, relocated: replayer.relocated };
  } finally {
    bar.stop();
  }
}

export function showReplay(report: Report, output: Output): void {
  const { colors: c } = output;
  const line = (text: string, color = (plain: string) => plain) => output.line(color(wrapped(text, output.width, '  ')));
  line(
    `Replayed ${counted(report.events, 'event')} of ${printable(report.name)}, from position ${grouped(report.from)} to ${grouped(report.position)}.`,
  );
  for (const sentence of report.relocated?.sentences ?? []) line(sentence, c.yellow);
  for (const { eventNumber, message } of report.warnings) line(`Warning, event ${grouped(eventNumber)}: ${printable(message)}.`, c.yellow);
  for (const divergence of report.divergences) line(divergenceSentence(divergence), c.yellow);
  if (report.crash !== null) line(crashSentence(report.crash));
  for (const difference of report.differences) line(`Not as recorded: ${difference}.`, c.yellow);
  if (report.redactedFrom !== null) {
    const same = report.differences.length + report.divergences.length === 0 ? ' Nothing else differs.' : '';
    line(
      `From event ${grouped(report.redactedFrom)} on the replay is not faithful: payloads were overwritten when the recording was packed.${same}`,
      c.yellow,
    );
  } else if (report.faithful) line(verdict(report), c.green);
  else if (report.relocated !== null && report.differences.length + report.divergences.length === 0)
    line(`Approximate, because the reactor was moved. ${verdict(report)}`, c.yellow);
  else line('The replay differs from the recording.', c.red);
}

function divergenceSentence({ eventNumber, kind, call, site, recorded, replayed, cause }: Report['divergences'][number]): string {
  const what = kind === 'denied' ? `system call ${call}` : call === '' ? kind : `${kind} of ${call}`;
  const where = site === '' ? '' : ` at ${site}`;
  const because = cause === '' ? '' : ` ${cause}`;
  return `Divergence in event ${grouped(eventNumber)}: ${printable(`${what}${where}; recorded ${recorded}, replayed ${replayed}.${because}`)}`;
}

function crashSentence({ event, signal, instruction, address }: NonNullable<Report['crash']>): string {
  const touched = address === null ? '' : `, fault address ${address}`;
  return `Crashed in event ${grouped(event)}: ${signal} at instruction ${instruction}${touched}.`;
}

function verdict({ crash, crashRecorded, interrupted, reason }: Report): string {
  if (crash !== null && crashRecorded && crash.stackOverflow) {
    return 'The same crash as recorded: same event and signal, a stack overflow.';
  }
  if (crash !== null && crashRecorded) {
    return `The same crash as recorded: same event, signal${crash.address === null ? ' and instruction' : ', instruction and fault address'}.`;
  }
  if (crash !== null) return 'The same event as recorded; the process left no report of its end to compare the rest with.';
  if (interrupted !== null)
    return `No divergence. Event ${grouped(interrupted)} was cut short when the process was killed; here it came to its end.`;
  return reason === 'end' ? 'To the end of the log without a divergence.' : 'No divergence.';
}
