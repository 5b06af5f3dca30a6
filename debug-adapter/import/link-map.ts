// The list of loaded modules as the dynamic linker keeps it (<link.h>), made anew. A debugger learns from it where a program and its
// libraries are; a minidump knows that too, but does not have the linker's memory.
//
// It lies at an address where nothing else is, and the executable's dynamic section, put into memory as its file has it, points
// there (DT_DEBUG).

import { type ElfImage } from '../recording';
import { type Piece } from './core-writer';

export interface Placed {
  readonly base: bigint;
  readonly path: string;
  readonly image: ElfImage;
}

const LIST_ADDRESS = 0x10000n;
const DT_DEBUG = 21n;
const R_DEBUG_BYTES = 40;
const LINK_MAP_BYTES = 40;

const AT = { phdr: 3, phent: 4, phnum: 5, base: 7, entry: 9 } as const;

/** How far a module lies from where it was linked to. */
const biasOf = ({ base, image }: Placed): bigint => base - image.base;

/** What the kernel told the program: where it and the dynamic linker are. */
export function auxiliaryOf(executable: Placed, interpreterBase: bigint | undefined): [number, bigint][] {
  const { image } = executable;
  const bias = biasOf(executable);
  return [
    [AT.phdr, bias + image.base + BigInt(image.headersOffset)],
    [AT.phent, 56n],
    [AT.phnum, BigInt(image.headerCount)],
    [AT.entry, bias + image.entry],
    ...(interpreterBase === undefined ? [] : [[AT.base, interpreterBase] as [number, bigint]]),
  ];
}

/** Nothing for an executable without a dynamic section: it has no libraries. */
export function linkMap(executable: Placed, libraries: readonly Placed[]): Piece[] {
  const dynamic = dynamicSection(executable);
  return dynamic === undefined ? [] : [piece(LIST_ADDRESS, list([executable, ...libraries])), dynamic];
}

/** struct r_debug, then a struct link_map for each module, then their names. */
function list(modules: readonly Placed[]): Buffer {
  const namesAt = R_DEBUG_BYTES + modules.length * LINK_MAP_BYTES;
  const names = modules.map(({ path }, i) => Buffer.from(`${i === 0 ? '' : path}\0`)); // of the executable it is empty
  const nodeAt = (i: number) => (modules[i] === undefined ? 0n : LIST_ADDRESS + BigInt(R_DEBUG_BYTES + i * LINK_MAP_BYTES));
  let nameAt = namesAt;
  const nodes = modules.map((module, i) => {
    const bias = biasOf(module);
    const dynamic = bias + (module.image.dynamic?.address ?? 0n);
    const words = [bias, LIST_ADDRESS + BigInt(nameAt), dynamic, nodeAt(i + 1), i === 0 ? 0n : nodeAt(i - 1)];
    nameAt += names[i]!.length;
    return words;
  });
  const debug = [1n, nodeAt(0), 0n, 0n, 0n]; // version, list, breakpoint, state (consistent), the linker
  return Buffer.concat([Buffer.from(BigUint64Array.from([...debug, ...nodes.flat()]).buffer), ...names]);
}

function dynamicSection(executable: Placed): Piece | undefined {
  const { dynamic } = executable.image;
  if (dynamic === undefined) return undefined;
  const bytes = Buffer.from(dynamic.bytes);
  for (let at = 0; at + 16 <= bytes.length; at += 16) {
    if (bytes.readBigUInt64LE(at) === DT_DEBUG) bytes.writeBigUInt64LE(LIST_ADDRESS, at + 8);
  }
  return piece(biasOf(executable) + dynamic.address, bytes);
}

const piece = (address: bigint, content: Buffer): Piece => ({ address, bytes: content.length, read: () => content });
