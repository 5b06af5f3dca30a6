// Whose virtual tables a set of pointers lead to: one gdb, without a process, is told where each module was loaded and asked for
// the symbol at each pointer.
//
//     info symbol 0x55d0e8a3fd10  ->  vtable for Session + 16 in section .data.rel.ro of /opt/shop/orders

import * as fs from 'node:fs';
import { runGdb } from './compile-expression';
import { holds, type LoadedModule, loadOffset } from './loaded-module';

/** Class names by pointer; nothing for what does not point to a virtual table. The first module is the executable. */
export async function classNames(gdb: string, modules: readonly LoadedModule[], pointers: readonly bigint[]): Promise<Map<bigint, string>> {
  const wanted = [...new Set(pointers)].filter((pointer) => pointer !== 0n);
  const needed = modules.filter((module) => fs.existsSync(module.path) && wanted.some((pointer) => holds(module, pointer)));
  if (needed.length === 0) return new Map();
  const load = needed.map((module) => `add-symbol-file ${module.path} -o 0x${loadOffset(module).toString(16)}`);
  const ask = wanted.flatMap((pointer) => [`echo @${pointer}\\n`, `info symbol 0x${pointer.toString(16)}`]);
  const { listing } = await runGdb(gdb, [], ['set confirm off', ...load, ...ask]);
  return parseSymbols(listing);
}

export function parseSymbols(listing: string): Map<bigint, string> {
  const names = new Map<bigint, string>();
  let pointer: bigint | undefined;
  for (const line of listing.split('\n')) {
    const mark = /^@(\d+)$/.exec(line);
    if (mark?.[1] !== undefined) pointer = BigInt(mark[1]);
    const name = /^vtable for (.*?)(?: \+ \d+)? in section /.exec(line)?.[1];
    if (name !== undefined && pointer !== undefined) names.set(pointer, name);
  }
  return names;
}
