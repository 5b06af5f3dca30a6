// Pointers that lead out of a reactor's heap: which member, and to whose memory.

import { type RawFinding } from './findings-file';
import { type Issue, type Severity } from './issue';
import { type Context, reactorName } from './issues';
import { type Member } from './names';
import { usersPlaces } from './stack-places';

const Place = { ordinaryHeap: 0, stack: 1, mapping: 2, moduleData: 3, otherReactor: 4 } as const;

export function pointerIssue(finding: RawFinding, context: Context): Issue | undefined {
  const member = context.names.member(finding);
  if (member?.use === 'spare') return undefined; // left over from an earlier use of the memory
  const holder = holderOf(finding, member, context);
  return {
    id: `pointer ${holder}`,
    group: 'pointer',
    severity: severityOf(finding, member, context),
    what: `${holder}${member === undefined ? '' : ` : ${member.type}`} leads to ${target(finding, context)}`,
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

/** Elements of a container are one: `Worker.routes_[*]`. */
function holderOf(finding: RawFinding, member: Member | undefined, { result }: Context): string {
  const type = result.reactors.find(({ id }) => id === finding.reactor)?.type ?? '';
  if (member !== undefined) return `${type}.${member.path}`.replace(/\[\d+\]/g, '[*]');
  const [block = 0n, bytes = 0n] = finding.extra;
  return `${type}: byte ${finding.address - block} of a block of ${bytes} bytes`;
}

/** Of a number it is not known whether it is used as an address; of memory that no member leads to, whether it is used at all. */
function severityOf(finding: RawFinding, member: Member | undefined, { names }: Context): Severity {
  if (member?.use === 'number') return 'note';
  if (Number(finding.extra[2]) === Place.moduleData) return names.module(finding.value)?.executable === true ? 'note' : 'warning';
  return member === undefined ? 'warning' : 'error';
}

function target(finding: RawFinding, context: Context): string {
  const [, , place, bytes = 0n, into = 0n] = finding.extra;
  switch (Number(place)) {
    case Place.ordinaryHeap:
      return bytes === 0n ? 'the ordinary heap' : `the ordinary heap, ${into === 0n ? 'a' : 'into a'} block of ${bytes} bytes`;
    case Place.stack: return 'a stack';
    case Place.moduleData: return `the variables of ${finding.text.split('/').at(-1)}`;
    case Place.otherReactor: return `the heap of reactor ${reactorName(context, finding.detail)}`;
    default: return finding.text === '' ? 'mapped memory, or the stack of a thread' : `the mapping of ${finding.text}`;
  }
} // prettier-ignore
