// How faithful a replay is, measured: the recording is replayed to where the core was taken, and every page of the reactor's
// heap that the core has is compared.

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { type Fidelity, counted, grouped, type ReactorInfo, type Recording } from '../recording';
import { type Pages } from '../replay/reports';
import { Replayer } from '../replay/replayer';
import { wasCrash } from './bundle-writer';
import { type ElfCore } from './core';
import { loadsWithin } from './examine';

/** Throws UserError when the replay is not possible. `undefined`: the core has nothing of this reactor. */
export async function compareWithCore(
  recording: Recording,
  reactor: ReactorInfo,
  core: ElfCore,
  program: string,
  onProgress: (position: number) => void,
): Promise<Fidelity | undefined> {
  const loads = loadsWithin(core, reactor.heapBase, reactor.heapBytes);
  if (loads.every((load) => load.present === 0)) return undefined;
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-import-'));
  const list = path.join(directory, 'pages');
  const lines = loads.map((load) => `load ${load.address.toString(16)} ${load.fileBytes.toString(16)} ${load.offset.toString(16)}\n`);
  fs.writeFileSync(list, `core ${path.resolve(core.path)}\n${lines.join('')}`);
  const replayer = Replayer.start(recording, { reactor: reactor.id, program });
  try {
    await replayer.ready();
    replayer.on('progress', onProgress);
    replayer.expectPages(list);
    const inside = reactor.started > reactor.finished;
    const target = !inside ? reactor.started : endedByItself(core) ? (reactor.crashEvent ?? reactor.finished) + 1 : reactor.finished;
    const end = await replayer.run(target);
    const pages = replayer.pages;
    if (pages === undefined) return undefined;
    const crashed = end.event === 'crash';
    return describe(reactor, core, pages, crashed ? end.eventNumber : end.position, crashed, inside);
  } finally {
    await replayer.quit();
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

/** Else it was stopped in the middle of an event, which may be one that never ends: the replay must not go into it. */
function endedByItself(core: ElfCore): boolean {
  const SI_USER = 0;
  return core.signal !== undefined && wasCrash(core.signal.number) && core.signal.code !== SI_USER;
}

function describe(reactor: ReactorInfo, core: ElfCore, pages: Pages, position: number, crashed: boolean, inside: boolean): Fidelity {
  const where = crashed ? `to the crash in event ${grouped(position)}` : `to position ${grouped(position)}`;
  const early =
    inside && !crashed
      ? `, while the core is of the middle of event ${grouped(reactor.finished)}, so what that event wrote may differ`
      : '';
  return {
    reactor: reactor.id,
    position,
    inside: crashed,
    comparedPages: pages.compared,
    differentPages: pages.different,
    missingPages: pages.missing,
    differentWords: pages.differentWords,
    sentence: `Replayed ${reactor.name} ${where}${early}: ${verdict(core, pages)}`,
  };
}

function verdict(core: ElfCore, { compared, different, missing, differentWords, words }: Pages): string {
  const absent = missing === 0 ? '' : ` ${grouped(missing)} more pages are missing in the core.`;
  if (different === 0) return `all ${grouped(compared)} pages of its heap are equal to the core's.${absent}`;
  const counts = `${grouped(different)} of ${grouped(compared)} pages differ from the core's, in ${counted(differentWords, 'word')}`;
  const first = words[0];
  if (words.length === differentWords && words.every((word) => isStackAddress(core, word.recorded)))
    return `${counts}, all of them addresses of the stack, which is elsewhere in a replay.${absent}`;
  const example =
    first === undefined ? '' : `; the first at ${hex(first.address)}: recorded ${hex(first.recorded)}, replayed ${hex(first.replayed)}`;
  return `${counts}${example}.${absent}`;
}

/** In the same memory as some thread's stack pointer. */
const isStackAddress = (core: ElfCore, value: bigint): boolean =>
  core.threads.some((thread) => {
    const pointer = thread.registers.get('rsp') ?? 0n;
    const stack = core.loads.find((load) => pointer >= load.address && pointer < load.address + load.memoryBytes);
    return stack !== undefined && value >= stack.address && value <= stack.address + stack.memoryBytes;
  });

const hex = (value: bigint) => `0x${value.toString(16)}`;
