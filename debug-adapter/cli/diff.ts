// afterimage diff: which heap blocks two positions do not have in common, with the class of those that begin with a virtual table.

import { counted, grouped, type Recording } from '../recording';
import { classNames } from '../gdb/class-names';
import { ask } from '../questions/asking';
import { withGdb } from '../questions/expressions';
import { type Change, type Group } from '../replay/reports';
import { type Range } from '../questions/range';
import { wholeNumber } from './arguments';
import { diffBackwards } from './errors';
import { ExitCode } from './exit-codes';
import { type Output, showSentence } from './output';
import { gdbOf, type QueryOptions, rangeOf, warnIfUnfaithful, withProgress } from './query';
import { hexAddress, table } from './text';

export interface DiffOptions extends QueryOptions {
  readonly limit?: string;
}

const LIMIT = '20';
const WORDS_SHOWN = 3;

export async function diff(recording: Recording, options: DiffOptions, output: Output): Promise<ExitCode> {
  const range = rangeOf(recording, options);
  if (range.from > range.to) throw diffBackwards(range.from, range.to);
  const limit = wholeNumber('--limit', options.limit ?? LIMIT);
  const command = `diff ${range.from} ${range.to} ${limit}`;
  const { findings, answer, faithful } = await withProgress(range, options, output, (asking) =>
    ask<Group | Change>(range, command, asking),
  );
  const names = await namesOf(recording, findings, gdbOf(options));
  const changes = findings.filter((finding): finding is Change => finding.event === 'change').map((change) => named(change, names, range)); // prettier-ignore
  const groups = byType(findings.filter((finding): finding is Group => finding.event === 'group'), names, changes); // prettier-ignore
  if (output.json) {
    const blocks = changes.map(document);
    output.document({ reactor: range.reactor.id, from: range.from, to: answer.position, count: answer.count, groups, blocks, faithful });
  } else {
    show(range.from, answer.position, groups, changes, output);
    warnIfUnfaithful(faithful, output);
  }
  return answer.count > 0 ? ExitCode.ok : ExitCode.negative;
}

type Names = ReadonlyMap<bigint, string>;

function namesOf(recording: Recording, findings: readonly (Group | Change)[], gdb: string): Promise<Names> {
  const words = findings.map(({ typeWord }) => typeWord);
  const modules = recording.manifest.modules.map(({ path, base, bytes }) => ({ path, base, bytes: BigInt(bytes) }));
  return withGdb(gdb, () => classNames(gdb, modules, words));
}

interface NamedChange extends Change {
  readonly type: string | null;
  readonly isReactor: boolean;
}

/** The class that its table of virtual functions names; of the reactor itself it is known anyway. */
function named(change: Change, names: Names, { reactor }: Range): NamedChange {
  const isReactor = change.address === reactor.object;
  return { ...change, isReactor, type: names.get(change.typeWord) ?? (isReactor ? reactor.type : null) };
}

interface TypeGroup {
  readonly change: Group['change'];
  readonly type: string | null;
  readonly bytes: number;
  readonly count: number;
}

/** Groups of the same class, or without one of the same size; the most frequent first. */
function byType(groups: readonly Group[], names: Names, changes: readonly NamedChange[]): TypeGroup[] {
  const merged = new Map<string, TypeGroup>();
  for (const { change, bytes, typeWord, count } of groups) {
    const type = names.get(typeWord) ?? (count === 1 ? reactorAmong(changes, bytes) : null);
    const key = `${change} ${bytes} ${type ?? ''}`;
    merged.set(key, { change, type, bytes, count: count + (merged.get(key)?.count ?? 0) });
  }
  const order = ['allocated', 'freed', 'changed', 'changed-while-free'];
  return [...merged.values()].sort((a, b) => order.indexOf(a.change) - order.indexOf(b.change) || b.count - a.count);
}

/** Its type, if there is no other block of that size. */
function reactorAmong(changes: readonly NamedChange[], bytes: number): string | null {
  const [only, ...others] = changes.filter((change) => change.bytes === bytes);
  return only?.isReactor === true && others.length === 0 ? only.type : null;
}

const document = ({ change, address, bytes, bytesBefore, type, words, differentWords }: NamedChange) => ({
  change,
  address: hexAddress(address),
  bytes,
  bytesBefore,
  type,
  differentWords,
  words: words.map(([offset, before, after]) => ({ offset, before: hexAddress(before), after: hexAddress(after) })),
});

function show(from: number, to: number, groups: TypeGroup[], changes: NamedChange[], output: Output): void {
  const { colors: c, line, width } = output;
  const total = (change: Group['change']) => groups.reduce((sum, group) => sum + (group.change === change ? group.count : 0), 0);
  const free = total('changed-while-free');
  showSentence(
    output,
    `From position ${grouped(from)} to ${grouped(to)}: ${counted(total('allocated'), 'block')} were allocated, ${grouped(total('freed'))} freed, ` +
      `${grouped(total('changed'))} changed${free > 0 ? `, and ${grouped(free)} changed while free` : ''}.`,
  );
  if (groups.length === 0) return;
  line();
  const columns = [
    { title: 'change' },
    { title: 'blocks', right: true },
    { title: 'bytes', right: true },
    { title: 'type', elastic: true },
  ];
  const rows = groups.map((group) => [group.change, grouped(group.count), grouped(group.bytes), group.type ?? '']);
  const [title = '', ...lines] = table(columns, rows, width);
  line(c.dim(title));
  for (const text of lines) line(text);
  showChanges(changes, output);
}

function showChanges(changes: readonly NamedChange[], { colors: c, line, width }: Output): void {
  if (changes.length === 0) return;
  const columns = [
    { title: 'change' },
    { title: 'address' },
    { title: 'type', elastic: true },
    { title: 'words: offset, before, after', elastic: true },
  ];
  const rows = changes.map((change) => [change.change, hexAddress(change.address), change.type ?? '', wordsOf(change)]);
  const [title = '', ...lines] = table(columns, rows, width);
  line();
  line(c.dim(title));
  for (const text of lines) line(text);
}

function wordsOf({ change, words, differentWords }: Change): string {
  const text = words.slice(0, WORDS_SHOWN).map(([offset, before, after]) => {
    if (change === 'allocated') return `+${offset} ${hexAddress(after)}`;
    return change === 'freed' ? `+${offset} ${hexAddress(before)}` : `+${offset} ${hexAddress(before)} \u2192 ${hexAddress(after)}`;
  });
  const more = change.startsWith('changed') ? differentWords - text.length : 0;
  return text.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
