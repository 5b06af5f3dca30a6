// afterimage check: runs a program and lists what would make a replay of its reactors unfaithful.

import * as path from 'node:path';
import { check, type Group, type Issue, type Report, type Severity } from '../check';
import { ExitCode } from './exit-codes';
import { type Output } from './output';
import { placeText } from './place';
import { printable, wrapped } from './text';
import { counted, grouped } from '../recording';

export interface CheckOptions {
  readonly gdb: string;
  readonly suppress?: readonly string[];
}

const PLACES_SHOWN = 3;
const HOW_TO_SUPPRESS = 'Accept what you know: put the words in brackets into a file, one a line, and give it with --suppress.';

/** In the order in which they are shown. */
const GROUPS: Record<Group, { title: string; advice: string }> = {
  pointer: {
    title: 'Pointers that lead out of the reactor',
    advice:
      'What they lead to is not in snapshots, and not there in a replay. Allocate it in react(), in the constructor or under an ' +
      'afterimage::HeapScope, take a copy into the reactor, or keep a number by which it is looked up and pass the rest with the event.',
  },
  'other-reactor': {
    title: 'Memory of other reactors',
    advice: 'A reactor is replayed alone. Deliver an event to the other one instead.',
  },
  global: {
    title: 'Variables outside of the reactor',
    advice:
      'Make them members of the reactor. Snapshots have them, but not what others write there between two events: bring that in with an ' +
      'event, or with afterimage::input("name", ...). And what react() allocates belongs to its reactor, which variables outlive.',
  },
  'thread-local': {
    title: 'Thread-local variables that react() leaves changed',
    advice:
      'Make them members of the reactor. They are recorded, but what react() allocates belongs to its reactor, and they still lead there ' +
      'when their thread ends.',
  },
  thread: {
    title: 'Threads',
    advice: 'What threads do is not recorded. Start them outside of react(), and deliver their results as events.',
  },
  wait: {
    title: 'Waiting',
    advice:
      'A reactor that waits keeps its events waiting; in a replay there are no other threads to wait for. Wait outside of react(), and ' +
      'deliver an event when it is over.',
  },
  call: {
    title: 'Calls that are not recorded',
    advice: 'Wrap them, and their results are recorded and replayed: afterimage::input("name", [&] { return ...; }).',
  },
  instruction: {
    title: 'Instructions whose results are not recorded',
    advice:
      'Use std::chrono and std::random_device, which are recorded, or wrap the read: afterimage::input("ticks", [] { return __rdtsc(); }).',
  },
};

export async function checkCommand(program: string, args: readonly string[], options: CheckOptions, output: Output): Promise<ExitCode> {
  const report = await check({
    program,
    arguments: args,
    gdb: options.gdb,
    suppressions: options.suppress ?? [],
    quiet: output.json,
  });
  if (output.json) output.document(summary(program, report));
  else show(program, report, output);
  return isClean(report) ? ExitCode.ok : ExitCode.negative;
}

const countOf = ({ issues }: Report, severity: Severity) => issues.filter((issue) => issue.severity === severity).length;

/** Notes are no reason to fail; a program that gave us nothing to look at is. */
const isClean = (report: Report) => report.events > 0 && countOf(report, 'error') + countOf(report, 'warning') === 0;

function summary(program: string, report: Report) {
  return {
    program,
    exitCode: report.ending.code,
    signal: report.ending.signal,
    clean: isClean(report),
    errors: countOf(report, 'error'),
    warnings: countOf(report, 'warning'),
    notes: countOf(report, 'note'),
    suppressed: report.suppressed,
    events: report.events,
    reactors: report.reactors,
    recordedCalls: report.recordedCalls,
    problems: report.problems,
    issues: report.issues.map((issue) => ({ ...issue, title: GROUPS[issue.group].title, advice: GROUPS[issue.group].advice })),
  };
}

function show(program: string, report: Report, output: Output): void {
  const { colors: c, line, width } = output;
  line();
  line(
    c.bold(`${path.basename(program)}: ${counted(report.reactors, 'reactor')}, ${counted(report.events, 'event')}, ${recorded(report)}`),
  );
  if (report.ending.signal !== null) line(`It was ended by ${report.ending.signal}; this is what was seen until then.`);
  else if (report.ending.code !== 0) line(`It ended with exit code ${report.ending.code}.`);
  for (const group of worstFirst(report.issues)) showGroup(group, report.issues, output);
  for (const problem of report.problems) line(`\n${c.yellow('!')} ${wrapped(printable(problem), width, '  ')}`);
  line();
  line(verdict(report, output));
  if (report.issues.length > 0) line(c.dim(wrapped(HOW_TO_SUPPRESS, width, '  ')));
}

function worstFirst(issues: readonly Issue[]): Group[] {
  const groups = Object.keys(GROUPS) as Group[];
  const has = (severity: Severity) =>
    groups.filter((group) => issues.some((issue) => issue.group === group && issue.severity === severity));
  return [...new Set([...has('error'), ...has('warning'), ...has('note')])];
}

const recorded = ({ recordedCalls }: Report) => `${counted(recordedCalls, 'call')} in react() recorded`;

function showGroup(group: Group, all: readonly Issue[], { colors: c, line, width }: Output): void {
  const issues = all.filter((issue) => issue.group === group);
  const marks = { error: c.red('\u2717'), warning: c.yellow('!'), note: c.dim('\u00b7') };
  line();
  line(c.bold(GROUPS[group].title));
  for (const issue of issues) {
    line(`  ${marks[issue.severity]} ${wrapped(printable(issue.what), width, '    ')}`);
    for (const text of details(issue)) line(`      ${wrapped(printable(text), width, '        ')}`);
    if (issue.severity !== 'note') line(c.dim(`      [${printable(issue.id)}]`));
  }
  if (issues.some(({ severity }) => severity !== 'note')) line(`  ${c.cyan('\u2192')} ${wrapped(GROUPS[group].advice, width, '    ')}`);
}

/** Of a note it is enough to know where. */
const details = (issue: Issue): string[] => [
  ...placeLines(issue),
  ...(issue.reactors.length === 0 || issue.severity === 'note' ? [] : [occurrence(issue)]),
];

const occurrence = ({ reactors, firstEvent, count }: Issue): string =>
  `reactor ${reactors.join(', ')}, first in event ${grouped(firstEvent)}${count > 0 ? `, ${times(count)}` : ''}`;

/** Of a pointer, the places are one: who has allocated what it leads to, called by whom. */
function placeLines({ group, verb, places }: Issue): string[] {
  const often = (count: number) => (places.length > 1 && count > 0 ? `, ${times(count)}` : '');
  const shown = places.slice(0, PLACES_SHOWN).map(({ place, count }) => `${placeText(place)}${often(count)}`);
  if (group === 'pointer') return shown.length === 0 ? [] : [`${verb} ${shown.join(', from ')}`];
  const more = places.length - shown.length;
  return [...shown.map((text) => `${verb} ${text}`), ...(more > 0 ? [`and in ${counted(more, 'more place')}`] : [])];
}

const times = (count: number) => (count === 1 ? 'once' : `${count} times`);

function verdict(report: Report, { colors: c }: Output): string {
  const [errors, warnings, notes] = [countOf(report, 'error'), countOf(report, 'warning'), countOf(report, 'note')];
  const accepted = report.suppressed > 0 ? ` ${counted(report.suppressed, 'known one')} suppressed.` : '';
  if (report.events === 0) return c.yellow('No reactor received an event: there was nothing to check.');
  if (errors > 0)
    return c.red(
      `${counted(errors, 'thing')} would make a replay unfaithful${warnings > 0 ? `, ${grouped(warnings)} more may` : ''}.${accepted}`,
    );
  if (warnings > 0)
    return c.yellow(`${counted(warnings, 'thing')} to look at: a replay may be unfaithful, or events are kept waiting.${accepted}`);
  return c.green(`Nothing was seen that would make a replay unfaithful${notes > 0 ? `; ${counted(notes, 'note')}` : ''}.${accepted}`);
}
