// Where the members of C++ types are in an executable, by its debug information; and what differs between two executables.

import * as z from 'zod';
import { askGdb } from './ask-gdb';

const Member = z.object({ path: z.string(), of: z.string(), type: z.string(), kind: z.string(), bit: z.int(), bits: z.int() });
const Layout = z.object({ bytes: z.int(), members: z.array(Member), enumerators: z.record(z.string(), z.number()) });
type Member = z.infer<typeof Member>;
export type Layout = z.infer<typeof Layout>;

/** In the order of the names; `undefined` for a type that the executable has no debug information for. */
export async function typeLayouts(gdb: string, program: string, types: readonly string[]): Promise<(Layout | undefined)[]> {
  const { lines } = await askGdb(gdb, { scripts: ['type_layouts.py'], program }, types);
  return types.map((_, i) => Layout.nullable().parse(lines[i] ?? null) ?? undefined);
}

/** What the same bytes mean now that they did not mean then: parts of sentences. A member that only has another name is none. */
export function layoutDifferences(then: Layout, now: Layout): string[] {
  const members = withOldNames(then.members, now.members);
  const present = new Map(members.map((member) => [member.path, member]));
  const known = new Set(then.members.map(({ path }) => path));
  const changed = then.members.flatMap((member) => {
    const same = present.get(member.path);
    return same === undefined ? [`${member.path}, ${placeOf(member)}, is gone`] : movedOrRetyped(member, same);
  });
  const added = members.filter(({ path }) => !known.has(path)).map((member) => `${member.path}, ${placeOf(member)}, is new`);
  return [...changed, ...added, ...renumbered(then, now)];
}

/** A struct comes before its members. */
function withOldNames(then: readonly Member[], now: readonly Member[]): readonly Member[] {
  const known = new Set(then.map(({ path }) => path));
  return then.reduce((members, old) => {
    if (members.some(({ path }) => path === old.path)) return members;
    const renamed = members.find((member) => isSamePlace(old, member) && !known.has(member.path));
    if (renamed === undefined) return members;
    const asBefore = (path: string) => (isPartOf(path, renamed.path) ? old.path + path.slice(renamed.path.length) : path);
    return members.map((member) => ({ ...member, path: asBefore(member.path), of: asBefore(member.of) }));
  }, now);
}

const isPartOf = (path: string, whole: string): boolean => path.startsWith(whole) && /^$|[.[]/.test(path.charAt(whole.length));
const isSamePlace = (a: Member, b: Member): boolean => a.of === b.of && a.bit === b.bit && a.bits === b.bits && a.kind === b.kind;

function movedOrRetyped(then: Member, now: Member): string[] {
  const moved = then.bit !== now.bit || then.bits !== now.bits;
  const retyped = then.kind !== now.kind;
  if (!moved && !retyped) return [];
  const described = (member: Member) => [...(retyped ? [member.type] : []), ...(moved ? [placeOf(member)] : [])].join(' ');
  return [`${then.path} was ${described(then)}, and is ${described(now)}`];
}

const renumbered = (then: Layout, now: Layout): string[] =>
  Object.entries(then.enumerators).flatMap(([name, value]) => {
    const present = now.enumerators[name];
    return present === undefined || present === value ? [] : [`${name} was ${value}, and is ${present}`];
  });

function placeOf({ bit, bits, of }: Member): string {
  const isBitField = bit % 8 !== 0 || bits % 8 !== 0;
  const where = isBitField ? `at bit ${bit} (${bits} wide)` : `at byte ${bit / 8}`;
  return of === '' ? where : `${where} of ${of}`;
}
