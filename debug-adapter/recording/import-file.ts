// import.json: what an imported recording knows about the core dump it was made from (FORMAT.md §8).

import * as z from 'zod';
import { readSmallFile } from './bounded-file';

const IMPORT_BYTES_MAX = 16 << 20;
const count = z.number().nonnegative();
const address = z
  .string()
  .regex(/^0x[0-9a-f]{1,16}$/)
  .transform((text) => BigInt(text));

const Fidelity = z.object({
  reactor: count,
  /** Where the replay was compared with the core. */
  position: count,
  inside: z.boolean(),
  comparedPages: count,
  differentPages: count,
  missingPages: count,
  differentWords: count,
  sentence: z.string(),
});
export type Fidelity = z.infer<typeof Fidelity>;

const ImportFile = z.object({
  format: z.object({ name: z.literal('afterimage-import'), major: z.literal(1), minor: z.int() }),
  /** full: can be replayed. events: the last events and the state at the end. inspect: the state at the end. */
  level: z.enum(['full', 'events', 'inspect']),
  source: z.object({
    path: z.string(),
    kind: z.enum(['elf', 'minidump']),
    bytes: count,
    compression: z.string().nullable(),
    missingBytes: count,
  }),
  /** What a debugger can open; `null` for a minidump of another machine. Relative to the bundle, or absolute. */
  core: z.string().nullable(),
  /** The executable on this machine; `null` when it was not found. */
  program: z.string().nullable(),
  signal: z.object({ number: z.int(), code: z.int(), address }).nullable(),
  threads: z.array(z.object({ id: z.int(), instruction: address, stack: address })),
  fidelity: z.array(Fidelity),
  /** What there is, and what is missing and why. */
  sentences: z.array(z.string()),
});
export type ImportFile = z.infer<typeof ImportFile>;

/** `undefined` for a recording that was not imported; a sentence for one whose import.json is damaged. */
export function readImportFile(directory: string): ImportFile | string | undefined {
  const path = `${directory}/import.json`;
  try {
    const bytes = readSmallFile(path, IMPORT_BYTES_MAX);
    return bytes === undefined ? undefined : ImportFile.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    return 'import.json is damaged: what is known about the core dump is not shown.';
  }
}
