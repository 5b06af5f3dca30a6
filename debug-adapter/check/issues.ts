// From raw findings and names to issues: what each means for a replay, and how sure that is.
//
//     error     a replay will not be what was recorded
//     warning   it may not be, or the reactor keeps others waiting
//     note      a replay is faithful; worth knowing

import { type CheckResult, Kind, type RawFinding } from './findings-file';
import { type Group, type Issue, merged, type Severity } from './issue';
import { type Names, threadLocalBytes, type Variable } from './names';
import { pointerIssue } from './pointer-issues';
import { calledFunction, usersPlaces } from '../gdb/stack-places';

const WAITS = ['may wait for a lock or a condition', 'sleeps', 'may wait for a peer', 'waits for a file', 'waits for another process'];
const WAIT_FOR_LOCK = 0;
const SLEEP = 1;
const WAIT_FOR_FILE = 3;

export interface Context {
  readonly result: CheckResult;
  readonly names: Names;
}

export function issuesOf(context: Context): Issue[] {
  return merged(context.result.findings.flatMap((finding) => issueOf(finding, context) ?? []));
}

function issueOf(finding: RawFinding, context: Context): Issue | readonly Issue[] | undefined {
  switch (finding.kind) {
    case Kind.globalWrite: return globalIssue(finding, context);
    case Kind.threadLocalWrite: return threadLocalIssues(finding, context);
    case Kind.otherHeapWrite: return otherHeapIssue(finding, context);
    case Kind.pointer: return pointerIssue(finding, context);
    case Kind.thread: return threadIssue(finding, context);
    case Kind.systemCall: return systemCallIssue(finding, context);
    case Kind.waits: return waitIssue(finding, context);
    case Kind.timeStamp: return timeStampIssue(finding, context);
    case Kind.libraryCall: return libraryCallIssue(finding, context);
    default: return undefined; // changedBetween, leadsIn: they tell of a global that another finding names
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

/**
 * The streams and locales of the C++ library may lie in the executable; what is written to them is recorded as output. And there is what
 * the compiler adds to a variable.
 */
const LIBRARY_OBJECTS = /^(std::|stdout|stderr|stdin|environ\b|__|guard variable for |TLS )/;

export const variableName = ({ name }: Variable) => name.replaceAll('(anonymous namespace)::', '').replaceAll(/\[abi:\w+\]/g, '');

function globalIssue(finding: RawFinding, context: Context): Issue | undefined {
  const { names } = context;
  const variable = names.variable(finding.address);
  if (variable !== undefined && LIBRARY_OBJECTS.test(variable.name)) return undefined;
  const module = names.module(finding.address);
  const file = module?.path.split('/').at(-1) ?? '';
  const name = variable === undefined ? `data of ${file}` : variableName(variable);
  const shared = sharedWith(finding, context);
  const owner = leadsInto(finding, context);
  const unsaved = module?.saved !== true;
  const where = module?.executable === true || variable === undefined ? '' : `, of ${file}`;
  const what = `${withType(name, variable?.type)}${where}${clauses([unsaved && UNSAVED, shared, owner !== undefined && leadsIn(owner)])}`;
  const severity: Severity = unsaved || shared !== undefined ? 'error' : owner !== undefined ? 'warning' : 'note';
  const issue = callIssue(finding, context, 'global', name, severity, what);
  return { ...issue, id: `global ${name}`, verb: 'written by' };
}

const withType = (name: string, type: string | undefined) => (type === undefined || type === '' ? name : `${name} : ${type}`);

const UNSAVED = 'which snapshots leave out';
const leadsIn = (reactor: string) => `which leads into the heap of reactor ${reactor}`;

function clauses(all: readonly (string | false | undefined)[]): string {
  const said = all.filter((clause) => typeof clause === 'string');
  return said.length === 0 ? '' : `, ${said.join(', and ')}`;
}

/** Who else changes it: then a replay of one reactor cannot know its value. */
function sharedWith(finding: RawFinding, context: Context): string | undefined {
  const others = sameVariable(finding, Kind.globalWrite, context);
  if (others.some(({ reactor }) => reactor !== finding.reactor)) return 'which several reactors write';
  return sameVariable(finding, Kind.changedBetween, context).length > 0 ? 'which changes between events, too' : undefined;
}

/** The reactor whose memory it points to, and which takes that memory with it when it goes. */
function leadsInto(finding: RawFinding, context: Context): string | undefined {
  const pointer = sameVariable(finding, Kind.leadsIn, context)[0];
  return pointer && reactorName(context, pointer.detail);
}

function sameVariable(finding: RawFinding, kind: number, { result, names }: Context): RawFinding[] {
  const name = names.variable(finding.address)?.name;
  const isSame = ({ address }: RawFinding) =>
    address / 8n === finding.address / 8n || (name !== undefined && names.variable(address)?.name === name);
  return result.findings.filter((other) => other.kind === kind && isSame(other));
}

function threadLocalIssues(finding: RawFinding, context: Context): Issue[] {
  const where = threadLocalBytes(finding);
  const variables = (where && context.names.threadLocals(where)) ?? [];
  if (variables.length > 0)
    return variables.filter(({ name }) => !LIBRARY_OBJECTS.test(name)).map((variable) => threadLocalIssue(finding, context, variable));
  const file = context.names.module(finding.value)?.path.split('/').at(-1) ?? '';
  return [threadLocalIssue(finding, context, { name: `data of ${file}`, offset: 0, type: '', file: '', line: 0 })];
}

function threadLocalIssue(finding: RawFinding, context: Context, variable: Variable): Issue {
  const name = variableName(variable);
  const owned = finding.extra[1] !== 0n;
  const unsaved = context.names.module(finding.value)?.saved !== true;
  const what = `${withType(name, variable.type)}${clauses([unsaved && UNSAVED, owned && leadsIn(reactorName(context, finding.detail))])}`;
  const severity: Severity = unsaved ? 'error' : owned ? 'warning' : 'note';
  const place = { function: '', file: variable.file, line: variable.line, module: '' };
  return {
    ...callIssue(finding, context, 'thread-local', name, severity, what),
    id: `thread-local ${name}`,
    verb: 'declared at',
    places: variable.file === '' ? [] : [{ place, count: 0 }],
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
  const waits = WAITS[wait] ?? 'may wait';
  if (!recorded && wait !== WAIT_FOR_LOCK && wait !== SLEEP)
    return callIssue(finding, context, 'call', name, 'error', `${name}, which ${waits}`);
  const severity = !recorded ? 'error' : wait === WAIT_FOR_FILE ? 'note' : 'warning';
  return callIssue(finding, context, 'wait', name, severity, `${name} ${waits}`);
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
