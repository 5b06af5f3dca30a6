// afterimage info: what a recording is, how its process ended, and what it holds.

import * as path from 'node:path';
import {
  counted,
  type EventLog,
  grouped,
  hasFaultAddress,
  type ReactorInfo,
  type Recording,
  type Redaction,
  signalMeaning,
} from '../recording';
import { ExitCode } from './exit-codes';
import { pathOf } from './given-recording';
import { hint, type Output } from './output';
import { redactedParts } from './redacted';
import { byteSize, dateAndTime, duration, hexAddress, printable, table, wrapped } from './text';

const REACTORS_SHOWN = 20;
const FAILURES_SHOWN = 10;

export interface InfoOptions {
  readonly verify?: boolean;
}

export function info(recording: Recording, options: InfoOptions, output: Output): ExitCode {
  const summary = summarize(recording, options);
  if (output.json) output.document(summary);
  else show(summary, pathOf(recording), output);
  return ExitCode.ok;
}

type Summary = ReturnType<typeof summarize>;

function summarize(recording: Recording, options: InfoOptions) {
  const { manifest, crash, control } = recording;
  const executable = manifest.modules.find((module) => module.kind === 'exe');
  const reactors = recording.reactors.map((reactor) => summarizeReactor(recording, reactor));
  const lastEventNs = reactors.reduce<bigint | null>((last, { lastTimeNs: t }) => (t !== null && t > (last ?? 0n) ? t : last), null);
  return {
    directory: recording.directory,
    state: recording.state,
    program: manifest.executable,
    buildId: executable?.buildId ?? '',
    commandLine: manifest.commandLine,
    copiedNs: manifest.copiedNs ?? null,
    library: manifest.library,
    hostname: manifest.hostname,
    kernel: manifest.kernel,
    pid: manifest.pid,
    startTimeNs: manifest.startTimeNs,
    redaction: manifest.redaction ?? null,
    imported: recording.imported ?? null,
    endTimeNs: control?.stopTimeNs ?? crash?.timeNs ?? null,
    lastEventTimeNs: lastEventNs,
    crash: crash === undefined ? null : summarizeCrash(recording, crash),
    endedIn: recording.crashedReactor()?.id ?? null,
    reactors,
    problems: options.verify === true ? recording.verify() : recording.problems,
  };
}

function summarizeCrash({ manifest }: Recording, crash: NonNullable<Recording['crash']>) {
  const inside = manifest.modules.find((m) => crash.rip >= m.base && crash.rip < m.base + BigInt(m.bytes));
  return {
    signal: crash.signal,
    signalName: crash.signalName,
    code: crash.code,
    meaning: signalMeaning(crash.signal, crash.code) ?? null,
    address: hasFaultAddress(crash.signal, crash.code) ? hexAddress(crash.address) : null,
    instruction: hexAddress(crash.rip),
    module: inside === undefined ? null : inside.path,
    moduleOffset: inside === undefined ? null : hexAddress(crash.rip - inside.base),
    threadId: crash.threadId,
    reactor: crash.reactor ?? null,
    event: crash.event ?? null,
    registers: Object.fromEntries([...crash.registers].map(([name, value]) => [name, hexAddress(value)])),
  };
}

function summarizeReactor(recording: Recording, reactor: ReactorInfo) {
  const log = recording.log(reactor.id);
  const snapshots = recording.snapshots(reactor.id);
  const last = log.end > log.first ? [...log.events(log.end - 1, 1)][0] : undefined;
  return {
    id: reactor.id,
    name: reactor.name,
    type: reactor.type,
    state: reactor.state,
    heapBase: hexAddress(reactor.heapBase),
    heapBytes: reactor.heapBytes,
    object: hexAddress(reactor.object),
    firstEvent: log.first,
    endEvent: log.end,
    started: reactor.started,
    finished: reactor.finished,
    crashEvent: reactor.crashEvent ?? null,
    lastTimeNs: last?.timeNs ?? null,
    types: log.types.map((type) => type.name),
    logBytes: log.fileBytes,
    reservedBytes: log.reservedBytes,
    snapshots: snapshots.map(({ position, kind, fileBytes, heapBytes }) => ({ position, kind, fileBytes, heapBytes })),
    heapUsedBytes: snapshots.at(-1)?.heapBytes ?? null,
    failures: reactor.failures === 0 ? [] : failuresOf(log),
  };
}

const failuresOf = (log: EventLog) =>
  [...log.failed()].flatMap(({ number, failures }) =>
    failures.map(({ site, sentence }) => ({ event: number, site: hexAddress(site), sentence })),
  );

function show(summary: Summary, where: string, output: Output): void {
  const { colors: c } = output;
  output.line(c.bold(printable(path.basename(where))));
  output.line();
  for (const [label, text] of facts(summary)) output.line(fact(label, text, output));
  showReactors(summary, output);
  showFailures(summary, output);
  showImport(summary, output);
  showProblems(summary, output);
  if (output.terminal) output.line();
  const canReplay = summary.state !== 'live' && summary.reactors.some(({ snapshots }) => snapshots.length > 0);
  if (summary.reactors.length > 0) hint(output, canReplay ? 'replay' : 'events', where);
}

function showProblems(summary: Summary, output: Output): void {
  const { colors: c, width } = output;
  if (summary.problems.length === 0) return;
  output.line();
  output.line(c.yellow(`  ${counted(summary.problems.length, 'problem')}: the recording is partial`));
  for (const problem of summary.problems) output.line(`  ${c.yellow('!')} ${wrapped(printable(problem), width, '    ')}`);
}

/** What the reactors did wrong, by their own account; the last of it, which is nearest to the end. */
function showFailures({ reactors }: Summary, { colors: c, line, width }: Output): void {
  const all = reactors.flatMap(({ name, failures }) => failures.map((failure) => ({ name, ...failure })));
  if (all.length === 0) return;
  line();
  line(c.yellow(`  ${counted(all.length, 'failure')} inside react()`));
  if (all.length > FAILURES_SHOWN) line(c.dim(`  the last ${FAILURES_SHOWN}; --json lists them all`));
  for (const { name, event, sentence } of all.slice(-FAILURES_SHOWN))
    line(`  ${c.yellow('!')} ${wrapped(printable(`${name}, event ${grouped(event)}: ${sentence}`), width, '    ')}`);
}

/** What was found out when it was imported. */
function showImport({ imported }: Summary, { colors: c, line, width }: Output): void {
  if (imported === null) return;
  line();
  line(`  Imported from ${printable(imported.source.path)}, ${counted(imported.threads.length, 'thread')}`);
  for (const sentence of imported.sentences) line(`  ${c.dim('-')} ${wrapped(printable(sentence), width, '    ')}`);
}

function facts(summary: Summary): [string, string][] {
  const { crash, redaction } = summary;
  return [
    ['Program', printable(summary.program)],
    ['Build', summary.buildId === '' ? 'without a build-id' : summary.buildId],
    [
      'Process',
      printable(
        [`${summary.pid}${summary.hostname === '' ? '' : ` on ${summary.hostname}`}`, summary.kernel, summary.library]
          .filter((part) => part !== '')
          .join(', '),
      ),
    ],
    ['Started', summary.startTimeNs === 0n ? 'unknown: a core dump does not say' : dateAndTime(summary.startTimeNs)],
    ['Ended', ended(summary)],
    ['State', stateText(summary)],
    ...(crash === null ? [] : ([['Instruction', instruction(crash)]] as [string, string][])),
    ...(redaction === null ? [] : ([['Redacted', redactionText(redaction)]] as [string, string][])),
  ];
}

function fact(label: string, text: string, { colors: c, width }: Output): string {
  const lines = wrapped(text, width, ' '.repeat(15));
  const bad = label === 'State' && /^(crashed|killed)/.test(text);
  return `  ${c.dim(label.padEnd(13))}${bad ? c.red(lines) : lines}`;
}

const redactionText = (redaction: Redaction): string =>
  printable(`${redactedParts(redaction)}; ${redaction.snapshots ? 'snapshots were kept' : 'snapshots were left out: no replay'}`);

function ended({ copiedNs, endTimeNs, lastEventTimeNs, startTimeNs, state }: Summary): string {
  if (state === 'live') return 'still running';
  if (copiedNs !== null) return `copied at ${dateAndTime(copiedNs)}, after ${duration(copiedNs - startTimeNs)}; the program went on`;
  if (endTimeNs !== null && startTimeNs === 0n) return dateAndTime(endTimeNs);
  if (endTimeNs !== null) return `${dateAndTime(endTimeNs)}, after ${duration(endTimeNs - startTimeNs)}`;
  return lastEventTimeNs === null ? 'unknown' : `unknown; the last event began at ${dateAndTime(lastEventTimeNs)}`;
}

function stateText(summary: Summary): string {
  const where = insideReact(summary);
  if (summary.state === 'live') return 'live: the process is still recording';
  if (summary.copiedNs !== null) return 'running when this copy of its recording was made';
  if (summary.state === 'closed') return 'closed: the program ended in good order';
  if (summary.state === 'killed' && summary.imported !== null) return `running when the core was taken${where}`;
  if (summary.state === 'killed') return `killed: the process ended without a word (SIGKILL, power loss, or no crash handler)${where}`;
  const { crash } = summary;
  if (crash === null) return `crashed: the signal is unknown${where}`;
  const address = crash.address === null ? '' : ` at address ${crash.address}`;
  return `crashed: ${crash.signalName}${crash.meaning === null ? '' : ` (${crash.meaning})`}${address}${where || ', outside of any react()'}`;
}

function insideReact(summary: Summary): string {
  const { name, crashEvent } = summary.reactors.find((r) => r.id === summary.endedIn) ?? {};
  return name === undefined || crashEvent === null || crashEvent === undefined
    ? ''
    : `, inside react() of event ${grouped(crashEvent)} of ${printable(name)}`;
}

const instruction = (crash: NonNullable<Summary['crash']>): string =>
  `${crash.instruction}${crash.module === null ? '' : `, ${printable(crash.module.split('/').at(-1) ?? '')} + ${crash.moduleOffset}`}`;

function showReactors(summary: Summary, output: Output): void {
  const { colors: c } = output;
  output.line();
  if (summary.reactors.length === 0)
    return output.line(`  No reactors${summary.imported === null ? ': the program ended before it created one' : ' are known'}.`);
  const rows = summary.reactors.slice(0, REACTORS_SHOWN).map(reactorRow);
  const columns = [
    { title: '#', right: true },
    { title: 'reactor', elastic: true },
    { title: 'type', elastic: true },
    { title: 'events', right: true },
    { title: 'snapshots', right: true },
    { title: 'heap used', right: true },
    { title: 'log', right: true },
  ];
  const [title = '', ...lines] = table(columns, rows, output.width - 2);
  output.line(`  ${c.dim(title)}`);
  lines.forEach((line, i) => output.line(`  ${summary.reactors[i]?.id === summary.endedIn ? c.red(line) : line}`));
  const more = summary.reactors.length - lines.length;
  if (more > 0) output.line(c.dim(`  and ${grouped(more)} more; --json lists them all`));
  const reserved = summary.reactors.reduce((sum, reactor) => sum + reactor.reservedBytes, 0);
  if (reserved > 0) output.line(c.dim(`  ${byteSize(reserved)} more on disk were allocated for events to come`));
}

function reactorRow(reactor: Summary['reactors'][number]): string[] {
  const { firstEvent, endEvent } = reactor;
  return [
    String(reactor.id),
    printable(reactor.name),
    printable(reactor.type),
    firstEvent === endEvent ? 'none' : `${grouped(firstEvent)}\u2013${grouped(endEvent - 1)}`,
    String(reactor.snapshots.length),
    reactor.heapUsedBytes === null ? '?' : byteSize(reactor.heapUsedBytes),
    byteSize(reactor.logBytes),
  ];
}
