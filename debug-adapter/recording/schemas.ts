// The two JSON files of a recording, checked once at the boundary (FORMAT.md §1 and §3). Unknown fields pass: a newer
// minor version may add some. Addresses become bigint here, times too.

import * as z from 'zod';
import { readSmallFile } from './bounded-file';
import { damagedFile, notARecording, otherMachine, otherMajor } from './errors';

export const FORMAT_MAJOR = 1;
const WORD_BITS = 64;
const MACHINE = 'x86_64';
const MANIFEST_BYTES_MAX = 64 << 20;
const REACTOR_BYTES_MAX = 1 << 20;
const U64_MAX = (1n << 64n) - 1n;

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{1,16}$/, 'must be an address such as "0x55d0"')
  .transform((text) => BigInt(text));
const decimal = z
  .string()
  .regex(/^[0-9]{1,20}$/, 'must be a decimal number in quotes')
  .transform((text) => BigInt(text))
  .refine((value) => value <= U64_MAX, 'must fit in 64 bits');
const size = z.int().nonnegative();
const hexDigits = (count: number) => z.string().regex(new RegExp(`^[0-9a-f]{${count}}$`), `must be ${count} hexadecimal digits`);

const Module = z.object({
  kind: z.enum(['exe', 'interp', 'lib', 'vdso']),
  base: address,
  bytes: size,
  buildId: z.string().regex(/^([0-9a-f]{2})*$/, 'must be hexadecimal digits'),
  path: z.string(),
});
export type Module = z.infer<typeof Module>;

/** What afterimage pack has overwritten (FORMAT.md §9). */
const Redaction = z.object({
  rules: z.array(z.object({ type: z.string(), fields: z.array(z.string()).optional(), bytes: z.unknown().optional(), how: z.string() })),
  inputs: z.string().optional(),
  snapshots: z.boolean(),
});
export type Redaction = z.infer<typeof Redaction>;

const Format = z.object({ format: z.object({ name: z.literal('afterimage'), major: z.int(), minor: z.int() }) });
const Machine = z.object({ wordBits: z.int(), machine: z.string() });

const Manifest = z.object({
  ...Format.shape,
  ...Machine.shape,
  uuid: hexDigits(32),
  library: z.string(),
  pageBytes: z.literal(4096),
  pid: z.int().positive(),
  startTimeNs: decimal,
  hostname: z.string(),
  kernel: z.string(),
  executable: z.string(),
  commandLine: z.array(z.string()),
  workingDirectory: z.string(),
  snapshotEngine: z.string().optional(),
  modules: z.array(Module),
  atRandom: hexDigits(32),
  fsBase: address,
  brkStart: address,
  hwcap: z.string(),
  hwcap2: z.string(),
  processor: z.array(z.string()).optional(),
  redaction: Redaction.optional(),
  /** When this copy was made, while the program went on: what came later is not in it. */
  copiedNs: decimal.optional(),
});
export type Manifest = z.infer<typeof Manifest>;

const ReactorFile = z.object({
  id: z.int().min(0).max(4095),
  name: z.string(),
  type: z.string(),
  /** `settings`: limit, ids, and what fails on purpose, as the recorder wrote it; absent where all is as in the default. */
  heap: z.object({ base: address, bytes: z.union([size.transform(BigInt), decimal, address]), settings: z.string().optional() }),
  object: address,
  /** Since when the number is this reactor's, if another one had it before. */
  numberSinceNs: decimal.optional(),
  /** How it was constructed, in a recording from genesis on; `missing` says why that cannot be repeated. */
  genesis: z.object({ construction: z.string(), missing: z.string().optional() }).optional(),
});
export type ReactorFile = z.infer<typeof ReactorFile>;

/** The manifest of the recording in `directory`. The version is looked at first: another one may look quite different. */
export function readManifest(directory: string): Manifest {
  const path = `${directory}/manifest.json`;
  const json = readJson(path, MANIFEST_BYTES_MAX);
  if (json === undefined) throw notARecording(directory);

  const { format } = check(Format, json, path);
  if (format.major !== FORMAT_MAJOR) throw otherMajor(directory, format.major, FORMAT_MAJOR);
  const { wordBits, machine } = check(Machine, json, path);
  if (wordBits !== WORD_BITS) throw otherMachine('a word size of', `${wordBits} bits`, `${WORD_BITS} bits`);
  if (machine !== MACHINE) throw otherMachine('machine', machine, MACHINE);
  return check(Manifest, json, path);
}

const UnpackReport = z.object({ problems: z.array(z.string()) });

/** What afterimage unpack could not unpack; nothing in a recording that was never packed. */
export function readUnpackProblems(directory: string): readonly string[] {
  const path = `${directory}/unpacked.json`;
  const json = readJson(path, REACTOR_BYTES_MAX);
  return json === undefined ? [] : check(UnpackReport, json, path).problems;
}

/** r<id>/reactor.json; `undefined` when there is none. */
export function readReactorFile(directory: string): ReactorFile | undefined {
  const path = `${directory}/reactor.json`;
  const json = readJson(path, REACTOR_BYTES_MAX);
  return json === undefined ? undefined : check(ReactorFile, json, path);
}

function readJson(path: string, mostBytes: number): unknown {
  const bytes = readSmallFile(path, mostBytes);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    throw damagedFile(path, bytes.length === 0 ? 'it is empty' : 'it is not valid JSON');
  }
}

function check<T extends z.ZodType>(schema: T, json: unknown, path: string): z.output<T> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.join('.') ?? '';
  throw damagedFile(path, `${field === '' ? 'the file' : `field "${field}"`}: ${decapitalized(issue?.message ?? 'not valid')}`);
}

const decapitalized = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
