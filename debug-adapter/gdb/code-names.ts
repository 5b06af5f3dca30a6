// The names of places in code, asked of gdb, which needs no process for that.

import * as fs from 'node:fs';
import * as path from 'node:path';
import * as z from 'zod';
import { askGdb, GdbNotStarted } from './ask-gdb';
import { hex } from './commands';
import { holds, type LoadedModule, loadOffset } from './loaded-module';

const Line = z.object({ function: z.string(), file: z.string(), line: z.int() });
/** `users`: the program's own, and not a library's, nor ours. `inlinedInto`: likewise, by which it was called without a call. */
export const CodePlace = Line.extend({ users: z.boolean(), inlinedInto: z.array(Line).default([]) });
export type CodePlace = z.infer<typeof CodePlace>;

export interface CodeNames {
  code(address: bigint): CodePlace | undefined;
  /** `program`: the executable, or a library of its own. */
  module(
    address: bigint,
  ): { readonly path: string; readonly bias: bigint; readonly program: boolean; readonly recorder: boolean } | undefined;
}

const Answer = z.object({ code: z.record(z.string(), CodePlace.nullable()) });
/** Ours, and those of C and C++; recorder/src/os/symbols.cc has them, too. */
const SYSTEM_LIBRARY = /^(libc\.so|libpthread\.so|libdl\.so|ld-linux|libstdc\+\+\.so|libgcc_s\.so|libm\.so|linux-vdso|libafterimage)/;

/** Names for these addresses in modules of a process that is gone. Without gdb there are only modules. */
export async function codeNames(gdb: string, modules: readonly LoadedModule[], addresses: readonly bigint[]): Promise<CodeNames> {
  const known = modules
    .filter((module) => fs.existsSync(module.path) && addresses.some((address) => holds(module, address)))
    .map((module) => ({ ...module, bias: loadOffset(module), ...kindOf(module) }));
  const code = [...new Set(addresses)];
  const asked = known.map((module) => {
    const own = module.program ? code.filter((address) => holds(module, address)) : [];
    return { path: module.path, bias: hex(module.bias), code: own.map(hex) };
  });
  const question = { modules: asked, code: code.map(hex), data: [], threadLocals: [], systemCalls: [], images: [] };
  const { lines } = asked.length === 0 ? { lines: [] } : await askGdb(gdb, { scripts: ['check.py'] }, question).catch(nothingWithoutGdb);
  const answer = lines[0] === undefined ? { code: {} } : Answer.parse(lines[0]);
  const module = (address: bigint) => known.find((one) => holds(one, address));
  return {
    module,
    code(address) {
      const place = answer.code[hex(address)] ?? undefined;
      return place && { ...place, users: place.users && module(address)?.program === true };
    },
  };
}

function nothingWithoutGdb(error: unknown): { lines: readonly unknown[] } {
  if (error instanceof GdbNotStarted) return { lines: [] };
  throw error;
}

function kindOf(module: LoadedModule) {
  const name = path.basename(module.path);
  return { program: !SYSTEM_LIBRARY.test(name), recorder: name.startsWith('libafterimage') };
}
