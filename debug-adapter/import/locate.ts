// Where in a core the recorder's block is. Four ways, the certain ones first; a core that was filtered or cut off may leave
// only the last ones:
//
//     note     the library's first page -> the locator in its .bss -> the blocks
//     symbol   the locator's address from the library's file
//     place    the blocks lie below the reactors' slots unless something else was there
//     scan     the magic at the head of a block, in writable memory

import { BoundedFile } from '../recording';
import { type CoreBlock, readCoreBlock } from './core-block';
import { type ElfCore } from './core';
import { type CoreModule } from './modules';
import { symbolAddress } from './symbols';

export interface Located {
  readonly block: CoreBlock;
  readonly how: 'note' | 'symbol' | 'place' | 'scan';
}

const LOCATOR_MAGIC = 'AFTRIMG-LOCATOR\0';
const BLOCK_MAGIC = Buffer.from('AFTRIMG-CORE-01\0', 'latin1');
const LOCATOR_SYMBOL = 'afterimage_core_locator';
const BLOCKS_MAX = 8;
const PLACE = { base: 0x3fff_ff00_0000n, stride: 0x10_0000n };
const NOTE_LOCATOR = 1;

/** `fileOf` finds a module's file on this machine. */
export function locateBlock(
  core: ElfCore,
  modules: readonly CoreModule[],
  fileOf: (module: CoreModule) => string | undefined,
): Located | undefined {
  const ways: [Located['how'], () => (bigint | undefined)[]][] = [
    ['note', () => modules.flatMap((module) => behindNote(core, module))],
    ['symbol', () => modules.filter(isRecorder).flatMap((module) => behindSymbol(core, module, fileOf(module)))],
    ['place', () => Array.from({ length: BLOCKS_MAX }, (_, i) => PLACE.base + BigInt(i) * PLACE.stride)],
    ['scan', () => (modules.length === 0 || modules.some(isRecorder) ? [core.find(BLOCK_MAGIC)] : [])],
  ];
  for (const [how, addresses] of ways) {
    const blocks = addresses().flatMap((address) => (address === undefined ? [] : (readCoreBlock(core, address) ?? [])));
    const block = blocks.find((b) => b.state === 'live') ?? blocks[0];
    if (block !== undefined) return { block, how };
  }
  return undefined;
}

/** By name only; a program that links the recorder statically is found by its note. */
export const isRecorder = (module: CoreModule): boolean => /\/libafterimage\.so(\.|$)/.test(module.path);

function behindNote(core: ElfCore, module: CoreModule): bigint[] {
  const note = module.notes.find((n) => n.name === 'AFTRIMG' && n.type === NOTE_LOCATOR && n.desc.length >= 8);
  return note === undefined ? [] : blocksOf(core, note.address + note.desc.readBigInt64LE(0));
}

function behindSymbol(core: ElfCore, module: CoreModule, file: string | undefined): bigint[] {
  const offset = file === undefined ? undefined : BoundedFile.with(file, (opened) => symbolAddress(opened, LOCATOR_SYMBOL));
  return offset === undefined ? [] : blocksOf(core, module.base + offset);
}

function blocksOf(core: ElfCore, locator: bigint): bigint[] {
  const bytes = core.read(locator, 24 + 8 * BLOCKS_MAX);
  if (bytes.length < 24 + 8 * BLOCKS_MAX || bytes.toString('latin1', 0, 16) !== LOCATOR_MAGIC) return [];
  const addresses = Array.from({ length: BLOCKS_MAX }, (_, i) => bytes.readBigUInt64LE(24 + 8 * i));
  return addresses.filter((address) => address !== 0n);
}
