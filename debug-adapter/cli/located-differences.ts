// Where the replay's memory came to differ from a snapshot: event, page and field, for people.

import { classNames } from '../gdb/class-names';
import { fieldAt } from '../gdb/field-at';
import { counted, grouped, type ReactorInfo, type Recording } from '../recording';
import { Replayer } from '../replay/replayer';
import { type Difference, type Located } from '../replay/reports';
import { withGdb } from '../questions/expressions';
import { hexAddress } from './text';

export interface LocateOptions {
  readonly program: string;
  readonly gdb: string;
  readonly force: boolean;
}

export type LocatedDifference = Awaited<ReturnType<typeof describe>>;

const MOST_LOCATED = 4; // each takes a replay of what lies between two snapshots
const PAGE_BYTES = 4096n;

export async function locateDifferences(
  recording: Recording,
  reactor: ReactorInfo,
  differences: readonly Difference[],
  options: LocateOptions,
): Promise<LocatedDifference[]> {
  if (differences.length === 0) return [];
  const replayer = Replayer.start(recording, { reactor: reactor.id, program: options.program, force: options.force });
  try {
    await replayer.ready();
    const located: LocatedDifference[] = [];
    for (const difference of differences.slice(0, MOST_LOCATED)) {
      located.push(await describe(recording, reactor, difference, await replayer.locate(difference), options));
    }
    return located;
  } finally {
    await replayer.quit();
  }
}

async function describe(
  recording: Recording,
  reactor: ReactorInfo,
  { from, to, words, pages, freedWords }: Difference,
  located: Located,
  options: LocateOptions,
) {
  const [first] = located.words;
  const address = first?.address ?? 0n;
  return {
    from,
    to,
    words,
    pages,
    freedWords,
    event: located.eventNumber < 0 ? null : located.eventNumber,
    page: hexAddress(address - (address % PAGE_BYTES)),
    address: hexAddress(address),
    place: await withGdb(options.gdb, () => placeOf(recording, reactor, address, located, options)),
    recorded: hexAddress(first?.recorded ?? 0n),
    replayed: hexAddress(first?.replayed ?? 0n),
  };
}

/** `board.flights_`, `Session + 16`, `+16 in 48 bytes of the heap`, or `the heap itself`. */
async function placeOf(
  recording: Recording,
  reactor: ReactorInfo,
  address: bigint,
  { block, bytes, firstWord }: Located,
  options: LocateOptions,
) {
  if (block === 0n) return 'outside of all heap blocks';
  const isReactor = reactor.object >= block && reactor.object < block + BigInt(bytes) && address >= reactor.object;
  const field = isReactor ? await fieldAt(options.gdb, options.program, reactor.type, address - reactor.object) : undefined;
  if (field !== undefined) return `${reactor.name}.${field}`;
  const modules = recording.manifest.modules.map(({ path, base, bytes }) => ({ path, base, bytes: BigInt(bytes) }));
  const type = (await classNames(options.gdb, modules, [firstWord])).get(firstWord);
  return `${type ?? `a heap block of ${grouped(bytes)} bytes`} + ${address - block}`;
}

export function differenceSentence({ from, to, words, pages, event, place, page, recorded, replayed }: LocatedDifference): string {
  const where = `${place} (page ${page}): recorded ${recorded}, replayed ${replayed}`;
  const since = `At position ${grouped(to)} ${counted(words, 'word')} of ${counted(pages, 'page')} differ from the snapshot; at position ${grouped(from)} none did.`;
  return event === null
    ? `${since} No event of the replay has written them, so something else did when it was recorded: ${where}.`
    : `${since} The first was written in event ${grouped(event)}: ${where}.`;
}
