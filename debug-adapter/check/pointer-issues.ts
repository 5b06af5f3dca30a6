// Pointers that lead out of a reactor's heap: which member, and to whose memory.

import { Place, type RawFinding } from './findings-file';
import { type Issue, type Severity } from './issue';
import { type Context, reactorName, variableName } from './issues';
import { type Member, threadLocalBytes } from './names';
import { usersPlaces } from '../gdb/stack-places';

export function pointerIssue(finding: RawFinding, context: Context): Issue | undefined {
  const member = context.names.member(finding);
  if (member?.use === 'spare') return undefined; // left over from an earlier use of the memory
  if (isForeignPtr(finding, member)) return undefined;
  return {
    id: `pointer ${holderOf(finding, member, context)}`,
    group: 'pointer',
    severity: severityOf(finding, member, context),
    what: `${describe(finding, member, context)} ${target(finding, context)}`,
    verb: 'allocated by',
    places:
      finding.extra[2] === BigInt(Place.ordinaryHeap)
        ? usersPlaces(finding.frames, context.names, 1).map((place) => ({ place, count: 0 }))
        : [],
    count: 0,
    reactors: [reactorName(context, finding.reactor)],
    firstEvent: finding.event,
  };
}

/** An afterimage::ForeignPtr: it only says what to give back to whom. */
const isForeignPtr = ({ extra }: RawFinding, member: Member | undefined) =>
  extra[2] === BigInt(Place.otherReactor) && member?.type.startsWith('afterimage::detail::Lent<') === true;

/** Elements of a container are one: `Worker.routes_[*]`. So are the words of blocks that no member leads to. */
function holderOf(finding: RawFinding, member: Member | undefined, { result }: Context): string {
  const type = result.reactors.find(({ id }) => id === finding.reactor)?.type ?? '';
  if (member !== undefined) return `${type}.${member.path}`.replace(/\[\d+\]/g, '[*]');
  return `${type}: a block of ${finding.extra[1]} bytes`;
}

function describe(finding: RawFinding, member: Member | undefined, context: Context): string {
  const holder = holderOf(finding, member, context);
  if (member === undefined) return `${holder}, which no member leads to by its type, has a pointer to`;
  if (member.use !== 'behind') return `${holder} : ${member.type} leads to`;
  return `${holder} : ${member.type} has a block of ${finding.extra[1]} bytes, and that a pointer to`;
}

/**
 * Of a number it is not known whether it is used as an address; of memory that no member leads to by its type, whether it is used at
 * all. Variables that snapshots have are at the same address in a replay.
 */
function severityOf(finding: RawFinding, member: Member | undefined, { names }: Context): Severity {
  if (member?.use === 'number') return 'note';
  const place = Number(finding.extra[2]);
  if (place === Place.threadLocalData) return member === undefined ? 'note' : 'warning';
  if (place === Place.moduleData) return names.module(finding.value)?.saved === true ? 'note' : 'warning';
  return member === undefined || member.use === 'behind' ? 'warning' : 'error';
}

function target(finding: RawFinding, context: Context): string {
  const [, , place, bytes = 0n, into = 0n] = finding.extra;
  switch (Number(place)) {
    case Place.ordinaryHeap:
      return bytes === 0n ? 'the ordinary heap' : `the ordinary heap, ${into === 0n ? 'a' : 'into a'} block of ${bytes} bytes`;
    case Place.stack: return 'a stack';
    case Place.moduleData: return `the variables of ${finding.text.split('/').at(-1)}`;
    case Place.otherReactor: return `the heap of reactor ${reactorName(context, finding.detail)}`;
    case Place.threadLocalData: return threadLocalText(finding, context);
    default: return finding.text === '' ? 'mapped memory, or the stack of a thread' : `the mapping of ${finding.text}`;
  }
} // prettier-ignore

function threadLocalText(finding: RawFinding, { names }: Context): string {
  const where = threadLocalBytes(finding);
  const variable = where && names.threadLocals(where)[0];
  return variable === undefined ? 'a thread-local variable' : `the thread-local variable ${variableName(variable)}`;
}
