// Instructions that ask the processor for random numbers, in the program's own modules. They cannot be made to trap, so they are
// looked for in the code, and nobody knows whether react() comes to them.

import * as fs from 'node:fs';
import * as z from 'zod';
import { ask } from './ask';
import { type CheckResult } from './findings-file';
import { type Issue, merged } from './issue';
import { shortFunction } from '../gdb/stack-places';

const Found = z.array(
  z.object({ path: z.string(), instruction: z.string(), function: z.string(), file: z.string(), line: z.int(), users: z.boolean() }),
);
type Found = z.infer<typeof Found>[number];

export async function hardwareRandom({ modules }: CheckResult, gdb: string): Promise<Issue[]> {
  const suspects = modules.filter(({ program, path }) => program && mayContainIt(path)).map(({ path }) => path);
  return suspects.length === 0 ? [] : merged(Found.parse(await ask(gdb, 'hardware_random.py', suspects)).map(issue));
}

/** The two bytes of the instruction before its registers; most files have them nowhere, and gdb need not be asked. */
function mayContainIt(path: string): boolean {
  if (!fs.existsSync(path)) return false;
  const bytes = fs.readFileSync(path);
  for (let at = bytes.indexOf('0fc7', 0, 'hex'); at >= 0; at = bytes.indexOf('0fc7', at + 1, 'hex')) {
    if ((bytes[at + 2] ?? 0) >= 0xf0) return true;
  }
  return false;
}

function issue(found: Found): Issue {
  const name = shortFunction(found.function);
  const module = found.path.split('/').at(-1) ?? '';
  const place = { function: name, file: found.users ? found.file : '', line: found.users ? found.line : 0, module };
  return {
    id: `instruction ${name}`,
    group: 'instruction',
    severity: 'note',
    what: `${found.instruction} is in the code; if react() comes to it, a replay gets another number`,
    verb: 'in',
    places: [{ place, count: 0 }],
    count: 0,
    reactors: [],
    firstEvent: 0,
  };
}
