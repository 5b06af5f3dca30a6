// From raw findings and names to issues: what each means for a replay, and how sure that is.
//
//     error     a replay will not be what was recorded
//     warning   it may not be, or the reactor keeps others waiting
//     note      a replay is faithful; worth knowing

import { type CheckResult, Kind, type RawFinding } from './findings-file';
import { type Group, type Issue, merged, type Severity } from './issue';
import { type Names } from './names';
import { pointerIssue } from './pointer-issues';
import { calledFunction, usersPlaces } from './stack-places';

const WAITS = ['may wait for a lock or a condition', 'sleeps', 'may wait for a peer', 'waits for a file', 'waits for another process'];
const WAIT_FOR_FILE = 3;
const WAIT_FOR_LOCK = 0;

export interface Context {
  readonly result: CheckResult;
  readonly names: Names;
}

export function issuesOf(context: Context): Issue[] {
  return merged(context.result.findings.flatMap((finding) => issueOf(finding, context) ?? []));
}

function issueOf(finding: RawFinding, context: Context): Issue | undefined {
  switch (finding.kind) {
    case Kind.globalWrite: return globalIssue(finding, context);
    case Kind.threadLocalWrite: return threadLocalIssue(finding, context);
    case Kind.otherHeapWrite: return otherHeapIssue(finding, context);
    case Kind.pointer: return pointerIssue(finding, context);
    case Kind.thread: return threadIssue(finding, context);
    case Kind.systemCall: return systemCallIssue(finding, context);
    case Kind.waits: return waitIssue(finding, context);
    case Kind.timeStamp: return timeStampIssue(finding, context);
    case Kind.libraryCall: return libraryCallIssue(finding, context);
    default: return undefined; // changedBetween: tells of a global that another finding names
  }
} // prettier-ignore

export const reactorName = ({ result }: Context, id: number): string =>
  result.reactors.find((reactor) => reactor.id === id)?.name ?? `number ${id}`;

/** What all issues of calls have in common. */
function callIssue(finding: RawFinding, context: Context, group: Group, subject: string, severity: Severity, what: string): Issue {
  const place = usersPlaces(finding.frames, context.names)[0];
  return {
    id: [group, subject, place?.function].filter((part) => part !== undefined && part !== '').join(' '),
    group,
    severity,
    what,
    verb: 'in',
    places: place === undefined ? [] : [{ place, count: finding.count }],
    count: finding.count,
    reactors: [reactorName(context, finding.reactor)],
    firstEvent: finding.event,
  };
}

/** The streams and locales of the C++ library may lie in the executable; what is written to them is recorded as output. */
const LIBRARY_OBJECTS = /^(std::|stdout|stderr|stdin|environ\b|__)/;

function globalIssue(finding: RawFinding, context: Context): Issue | undefined {
  const { names } = context;
  const variable = names.variable(finding.address);
  if (variable !== undefined && LIBRARY_OBJECTS.test(variable.name)) return undefined;
  const module = names.module(finding.address);
  const file = module?.path.split('/').at(-1) ?? '';
  const name = variable?.name.replaceAll('(anonymous namespace)::', '') ?? `data of ${file} at ${finding.address - (module?.bias ?? 0n)}`;
  const shared = sharedWith(finding, context);
  const where = module?.executable === true ? '' : `, of ${file}`;
  const issue = callIssue(finding, context, 'global', name, 'error', `${withType(name, variable?.type)}${where}${shared ?? ''}`);
  const severity: Severity = module?.executable === true && shared === undefined ? 'note' : 'error';
  return { ...issue, id: `global ${name}`, verb: 'written by', severity };
}

const withType = (name: string, type: string | undefined) => (type === undefined || type === '' ? name : `${name} : ${type}`);

/** Who else changes it: then a replay of one reactor cannot know its value. */
function sharedWith(finding: RawFinding, { result, names }: Context): string | undefined {
  const name = names.variable(finding.address)?.name;
  const isSame = (other: RawFinding) =>
    other.address / 8n === finding.address / 8n || (name !== undefined && names.variable(other.address)?.name === name);
  const others = result.findings.filter((other) => other.kind === Kind.globalWrite && isSame(other));
  if (others.some(({ reactor }) => reactor !== finding.reactor)) return ', which several reactors write';
  if (result.findings.some((other) => other.kind === Kind.changedBetween && isSame(other))) return ', which changes between events, too';
  return undefined;
}

function threadLocalIssue(finding: RawFinding, context: Context): Issue {
  const variable = context.names.threadLocal(finding);
  const name = variable?.name.replaceAll('(anonymous namespace)::', '') ?? `offset ${finding.address}`;
  const issue = callIssue(finding, context, 'thread-local', name, 'warning', withType(name, variable?.type));
  const declared = variable && { function: '', file: variable.file, line: variable.line, module: '' };
  return {
    ...issue,
    id: `thread-local ${name}`,
    verb: 'declared at',
    places: declared === undefined ? [] : [{ place: declared, count: 0 }],
  };
}

function otherHeapIssue(finding: RawFinding, context: Context): Issue {
  const other = reactorName(context, finding.detail);
  const issue = callIssue(finding, context, 'other-reactor', other, 'error', `the memory of reactor ${other} is written`);
  return { ...issue, verb: 'by' };
}

const threadIssue = (finding: RawFinding, context: Context): Issue =>
  callIssue(finding, context, 'thread', '', 'error', 'a thread is started');

function waitIssue(finding: RawFinding, context: Context): Issue {
  const [wait, recorded] = [Number(finding.extra[0]), finding.extra[1] !== 0n];
  const name = calledFunction(finding.frames, context.names) ?? context.names.systemCall(finding.detail);
  const unrecorded = recorded || wait === WAIT_FOR_LOCK ? '' : ', and its result is not recorded';
  const severity = !recorded ? 'error' : wait === WAIT_FOR_FILE ? 'note' : 'warning';
  return callIssue(finding, context, 'wait', name, severity, `${name} ${WAITS[wait] ?? 'may wait'}${unrecorded}`);
}

function systemCallIssue(finding: RawFinding, context: Context): Issue {
  const number = context.names.systemCall(finding.detail);
  const raw = finding.extra[2] !== 0n;
  const name = raw ? number : (calledFunction(finding.frames, context.names) ?? number);
  return callIssue(finding, context, 'call', name, 'error', raw ? `system call ${name}, made past the C library` : name);
}

const libraryCallIssue = (finding: RawFinding, context: Context): Issue =>
  callIssue(finding, context, 'call', finding.text, 'warning', `${finding.text}, whose answer may be another on the next machine`);

const timeStampIssue = (finding: RawFinding, context: Context): Issue =>
  callIssue(finding, context, 'instruction', '', 'error', 'the time-stamp counter is read');
