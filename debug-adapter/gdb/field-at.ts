// Which member of a C++ type is at an offset: gdb knows it from the debug information of an executable.

import * as path from 'node:path';
import { packageRoot } from '../package-root';
import { runGdb } from './compile-expression';

/** `orders_[3].price`; undefined when there is none, or no debug information. */
export async function fieldAt(gdb: string, program: string, type: string, offset: bigint): Promise<string | undefined> {
  const script = path.join(packageRoot(), 'debug-adapter/gdb/field_at.py');
  const { listing } = await runGdb(gdb, [program], [`source ${script}`, `field-at ${offset} ${type}`]);
  return /^@field (.+)$/m.exec(listing)?.[1];
}
