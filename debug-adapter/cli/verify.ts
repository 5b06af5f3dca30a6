// afterimage verify: everything is read, every reactor replayed to its end; for continuous integration.

import { counted, type ReactorInfo, type Recording, UserError } from '../recording';
import { findProgram } from '../replay/find-program';
import { type Difference } from '../replay/reports';
import { ExitCode } from './exit-codes';
import { differenceSentence, type LocatedDifference, locateDifferences } from './located-differences';
import { type Output } from './output';
import { replayReactor, showReplay } from './replay';
import { type ReplayReport } from './replay-report';
import { printable, wrapped } from './text';

export interface VerifyOptions {
  readonly program?: string;
  readonly gdb?: string;
  readonly force?: boolean;
}

interface Replayed {
  readonly reactor: number;
  readonly replay: ReplayReport;
  /** Where memory was not as in a snapshot: the first ones, and how many there are. */
  readonly memory: { readonly snapshots: number; readonly differences: readonly LocatedDifference[]; readonly count: number };
}

/** A replay that could not be made has a reason instead. */
type Verified = Replayed | { readonly reactor: number; readonly why: string };

export async function verify(recording: Recording, options: VerifyOptions, output: Output): Promise<ExitCode> {
  const problems = recording.verify();
  const reactors: Verified[] = [];
  for (const reactor of recording.reactors) {
    const result = await verified(recording, reactor, options, output);
    reactors.push(result);
    if (!output.json) show(reactor, result, output);
  }
  const faithful = reactors.length > 0 && reactors.every((result) => 'replay' in result && isFaithful(result));
  if (output.json) output.document({ directory: recording.directory, faithful: faithful && problems.length === 0, problems, reactors });
  else conclude(problems, faithful, reactors.length, output);
  return faithful && problems.length === 0 ? ExitCode.ok : ExitCode.negative;
}

async function verified(recording: Recording, reactor: ReactorInfo, options: VerifyOptions, output: Output): Promise<Verified> {
  try {
    return await replayed(recording, reactor, options, output);
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'no-snapshot') throw error;
    return { reactor: reactor.id, why: error.message };
  }
}

async function replayed(recording: Recording, reactor: ReactorInfo, options: VerifyOptions, output: Output): Promise<Replayed> {
  let found: readonly Difference[] = [];
  const replay = await replayReactor(recording, reactor, options, output, (replayer, target) => {
    found = replayer.differences;
    return replayer.verify(target);
  });
  const { program, gdb = 'gdb', force = false } = options;
  const differences = await locateDifferences(recording, reactor, found, { program: findProgram(recording, program), gdb, force });
  const passed = recording.snapshots(reactor.id).filter(({ position }) => position > replay.from && position <= replay.position);
  return { reactor: reactor.id, replay, memory: { snapshots: passed.length, differences, count: found.length } };
}

const isFaithful = ({ replay, memory }: Replayed): boolean => replay.faithful && memory.count === 0;

function showMemory({ memory: { snapshots, differences, count } }: Replayed, { colors: c, line, width }: Output): void {
  for (const difference of differences) line(c.yellow(wrapped(printable(differenceSentence(difference)), width, '  ')));
  if (count > differences.length) line(c.yellow(`${counted(count - differences.length, 'more snapshot')} differ.`));
  if (count === 0 && snapshots > 0) line(c.green(`Memory as in ${counted(snapshots, 'snapshot')} on the way.`));
}

function show({ name }: ReactorInfo, result: Verified, output: Output): void {
  const { colors: c, width } = output;
  if ('replay' in result) {
    showReplay(result.replay, output);
    showMemory(result, output);
  } else output.line(c.red(wrapped(`${printable(name)}: ${printable(result.why)}`, width, '  ')));
  output.line();
}

function conclude(problems: readonly string[], faithful: boolean, reactors: number, { colors: c, line, width }: Output): void {
  for (const problem of problems) line(`${c.yellow('!')} ${wrapped(printable(problem), width, '  ')}`);
  if (problems.length > 0) line(c.red(`${counted(problems.length, 'problem')} in the files of the recording.`));
  else line(c.green('All files of the recording are whole, and their checksums right.'));
  if (reactors === 0) line(c.red('There is no reactor to replay.'));
  else
    line(
      faithful
        ? c.green(`${counted(reactors, 'reactor')} replayed as recorded.`)
        : c.red('Not every reactor could be replayed as recorded.'),
    );
}
