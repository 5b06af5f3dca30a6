// afterimage test: a recording as a regression test. Another build constructs the recorded reactors again and gets the recorded events;
// what it sends and writes must be what was recorded, and it must not crash.

import { counted, grouped, type ReactorInfo, type Recording, UserError } from '../recording';
import { startOtherBuild } from '../replay/other-build';
import { type Replayer } from '../replay/replayer';
import { type Builds, compareEventLayouts, type EventLayouts } from '../questions/event-layouts';
import { noGenesis, otherLayout } from './errors';
import { ExitCode } from './exit-codes';
import { type Output, progressBar } from './output';
import { type TestReport, testReport, type TestResult } from './test-report';
import { printable, wrapped } from './text';

export interface TestCommandOptions extends Builds {
  readonly only?: string;
  readonly force?: boolean;
  readonly showOutput?: boolean;
}

export const TEST_EXIT_CODES = `
Exit codes of this command:
  ${ExitCode.ok}  no crash, and the same outputs as recorded (up to a recorded crash)
  ${ExitCode.negative}  another output, or a crash, the recorded one or another
  ${ExitCode.userError}  no test was possible: other payload layouts, another constructor, ...`;

export async function test(recording: Recording, options: TestCommandOptions, output: Output): Promise<ExitCode> {
  const asked = options.only === undefined ? recording.reactors : [recording.reactor(options.only)];
  const possible = asked.filter((reactor) => reactor.genesis !== undefined && reactor.genesis.missing === undefined);
  if (possible.length === 0) throw noGenesis(asked);
  const layouts = await compareEventLayouts(recording, possible, options);
  if (options.force !== true && layouts.changed.length > 0) throw otherLayout(layouts.changed);
  if (!output.json) showLayouts(layouts, output);
  const reports: TestReport[] = [];
  for (const reactor of possible) {
    const report = await testReactor(recording, reactor, options, output);
    reports.push(report);
    if (!output.json) show(report, recording, output);
  }
  const untested = asked
    .filter((reactor) => !possible.includes(reactor))
    .map(({ id, name, genesis }) => ({ reactor: id, name, why: whyNot(genesis) }));
  const passed = reports.every((report) => report.passed);
  if (output.json) output.document({ directory: recording.directory, exe: options.exe, passed, reactors: reports, untested, layouts });
  else conclude(passed, untested, output);
  return passed ? ExitCode.ok : ExitCode.negative;
}

function showLayouts({ changed, unknown }: EventLayouts, { colors: c, line, width }: Output): void {
  const warn = (text: string) => line(c.yellow(wrapped(printable(text), width, '  ')));
  for (const { type, differences } of changed) warn(`${type} is laid out otherwise in this build: ${differences.join('; ')}.`);
  for (const why of unknown) warn(`Whether members of events have changed places is not known: ${why}`);
}

const whyNot = (genesis: ReactorInfo['genesis']): string => genesis?.missing ?? 'its construction was not recorded.';

async function testReactor(recording: Recording, reactor: ReactorInfo, options: TestCommandOptions, output: Output): Promise<TestReport> {
  const onOutput = options.showOutput === true ? { onOutput: (text: string) => void process.stderr.write(text) } : {};
  const replayer = startOtherBuild(recording, { reactor, program: options.exe, ...onOutput });
  try {
    const end = reactor.crashEvent === undefined ? recording.log(reactor.id).end : reactor.crashEvent + 1;
    return testReport(recording, reactor, await run(replayer, end, output));
  } catch (error) {
    if (error instanceof UserError && error.code === 'replayer-error') throw cannotTest(reactor, error);
    throw error;
  } finally {
    await replayer.quit();
  }
}

const cannotTest = ({ name }: ReactorInfo, { message }: UserError) =>
  new UserError('cannot-test', message.replace('The replayer reports:', `${name} cannot be tested with this build:`));

async function run(replayer: Replayer, target: number, output: Output): Promise<TestResult> {
  const { divergences, warnings } = replayer;
  const constructed = await replayer.constructed();
  const differencesOfConstruction = divergences.length;
  if (constructed.event === 'crash') return { inConstruction: true, differencesOfConstruction, end: constructed, divergences, warnings };
  const bar = progressBar('testing', 0, target, output.json);
  replayer.on('progress', (position) => bar.update(position));
  try {
    const end = await replayer.run(target);
    return { inConstruction: false, differencesOfConstruction, end, divergences, warnings };
  } finally {
    bar.stop();
  }
}

function show(report: TestReport, recording: Recording, output: Output): void {
  const { colors: c } = output;
  const line = (text: string, color: (plain: string) => string) =>
    output.line(color(`  ${wrapped(printable(text), output.width - 2, '    ')}`));
  output.line(`${c.bold(printable(report.name))}: constructed, and ${counted(report.events, 'event')} delivered.`);
  for (const warning of report.warnings) line(`Warning, event ${grouped(warning.eventNumber)}: ${warning.message}.`, c.yellow);
  for (const input of report.inputs) line(sentence(input, recording), c.yellow);
  for (const difference of report.outputs) line(sentence(difference, recording), c.red);
  if (report.outputs.length === 0) line('What it sent and wrote is as recorded.', c.green);
  const about = crashSentence(report);
  if (about !== undefined) line(about, report.crash === null ? c.green : c.red);
}

type Difference = TestReport['outputs'][number];

function sentence({ kind, call, eventNumber, recorded, replayed }: Difference, recording: Recording): string {
  const where = eventNumber === null ? 'In the constructor' : `In event ${grouped(eventNumber)}`;
  const named = (text: string) => text.replace(/ to reactor (\d+) /, (_, id: string) => ` to ${nameOf(recording, Number(id))} `);
  switch (kind) {
    case 'input':
      return `${where} it asks for what was not recorded: ${replayed}; recorded: ${recorded}. It gets what this machine says now.`;
    case 'denied':
      return `${where} it makes a system call (${call}) that a test must not make, and was refused.`;
    case 'exception':
      return `${where}, the first exceptional difference: recorded: ${recorded}; now: ${replayed}.`;
    case 'output':
      return `The first other output is in event ${eventNumber ?? 'none, the construction'}: recorded: ${recorded}; now: ${replayed}.`;
    default:
      return `${where}, the first event sent that differs: recorded: ${named(recorded)}; now: ${named(replayed)}.`;
  }
}

const nameOf = (recording: Recording, id: number): string =>
  recording.reactors.find((reactor) => reactor.id === id)?.name ?? `reactor ${id}`;

/** `undefined`: no crash, then or now. */
function crashSentence({ crash, recordedCrash }: TestReport): string | undefined {
  const then = recordedCrash === null ? '' : `${recordedCrash.signal ?? 'a crash'} in event ${recordedCrash.event}`;
  if (crash === null) return recordedCrash === null ? undefined : `The recorded crash (${then}) is gone.`;
  const now = `${crash.signal} in ${crash.event === null ? 'its constructor' : `event ${crash.event}`}`;
  if (recordedCrash === null) return `It crashes: ${now}. The recorded build did not.`;
  if (crash.event === recordedCrash.event && crash.signal === recordedCrash.signal) return `The recorded crash is still there: ${now}.`;
  return `It crashes elsewhere: ${now}; recorded was ${then}.`;
}

function conclude(passed: boolean, untested: readonly { name: string; why: string }[], { colors: c, line, width }: Output): void {
  for (const { name, why } of untested) line(c.yellow(wrapped(`${printable(name)}: not tested, ${printable(why)}`, width, '  ')));
  line(passed ? c.green('Passed.') : c.red('Failed.'));
}
