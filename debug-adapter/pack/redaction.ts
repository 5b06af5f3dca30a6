// Redaction: payload bytes that must not leave the house are overwritten while a recording is packed. The rules are a JSON file:
//
//     { "rules": [ { "type": "shop::Order", "fields": ["customer.name"], "how": "hash" },
//                  { "type": "shop::Cancel", "bytes": [[8, 24]] },
//                  { "type": "std::span<std::byte const>", "bytes": "all" } ],
//       "inputs": "zero", "key": "a secret" }
//
// `fields` are those of the C++ type, as in its source; `bytes` are offsets, the end excluded. `how` is `zero` unless given;
// `hash` writes an HMAC-SHA-256 under `key` instead, so that equal values stay equal. `inputs` covers what the program read in
// other ways (time, random numbers, files). A replay runs on what is left: it is not faithful from the first such event on.

import { createHmac } from 'node:crypto';
import * as fs from 'node:fs';
import * as z from 'zod';
import { InputKind, reasonOf, type Recording } from '../recording';
import { type FieldQuestion, type FieldRange } from './field-ranges';
import { noSuchRedactedType, rulesNotReadable, rulesWrong } from './errors';

const Range = z.tuple([z.int().nonnegative(), z.int().nonnegative()]);
const How = z.enum(['zero', 'hash']);
const Rule = z
  .strictObject({
    type: z.string().min(1),
    fields: z.array(z.string().min(1)).optional(),
    bytes: z.union([z.literal('all'), z.array(Range)]).optional(),
    how: How.default('zero'),
  })
  .refine((rule) => rule.fields !== undefined || rule.bytes !== undefined, 'needs "fields" or "bytes"');
const Rules = z.strictObject({ rules: z.array(Rule), inputs: How.optional(), key: z.string().optional() });
type Rule = z.infer<typeof Rule>;
export type Rules = z.infer<typeof Rules>;

/** Where the fields of an input of kind `sent` are (FORMAT.md §4). */
const SENT = { flags: 4, hash: 16, typeBytes: 24, type: 32, uncertain: 1 } as const;
const INPUT_HEADER_BYTES = 8;
/** Addresses that a replay cannot do without, and numbers of events; no outside values. */
const INPUTS_WITHOUT_CONTENT: readonly number[] = [InputKind.foreignFrees, InputKind.createdReactor, InputKind.sender];
/** A call of the world: its result, and the bytes that it took or returned. */
const CALL_CONTENT = [
  { from: 16, end: 24 },
  { from: 40, end: Infinity },
];
const REGISTERS = { from: 592, end: 592 + 23 * 8 };

export function readRules(file: string): Rules {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw rulesNotReadable(file, reasonOf(error));
  }
  try {
    return Rules.parse(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw rulesWrong(file, 'it is not valid JSON');
    const issue = error.issues[0];
    throw rulesWrong(file, `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'not valid'}`);
  }
}

/** What gdb has to be asked: the members of types that rules name. */
export const fieldQuestions = (rules: Rules): FieldQuestion[] =>
  rules.rules.flatMap(({ type, fields = [] }) => fields.map((field) => ({ type, field })));

interface Stretch {
  readonly from: number;
  readonly end: number;
  readonly how: z.infer<typeof How>;
}

export class Redaction {
  private readonly stretches = new Map<string, Stretch[]>();
  private readonly key: string;

  /** `ranges` answers `fieldQuestions`, in order. */
  constructor(
    private readonly rules: Rules,
    ranges: readonly FieldRange[],
    recording: Recording,
  ) {
    this.key = rules.key ?? recording.manifest.uuid;
    const made = new Set(typesOf(recording).filter(({ codec }) => codec === 'made').map(({ name }) => name)); // prettier-ignore
    const left = [...ranges];
    for (const rule of rules.rules) {
      const ofFields = (rule.fields ?? []).map(() => left.shift() as FieldRange);
      const hidden = made.has(rule.type) ? [EVERYTHING] : [...ofFields, ...byteRanges(rule)];
      this.add(rule.type, hidden.map((range) => ({ ...range, how: rule.how }))); // prettier-ignore
    }
    this.checkTypes(recording);
  }

  /** For the manifest: everything that a reader of the packed recording must know, and nothing that was hidden. */
  get description() {
    const rules = this.rules.rules.map(({ type, fields, bytes, how }) => ({
      type,
      ...(fields && { fields }),
      ...(bytes && { bytes }),
      how,
    }));
    return { rules, ...(this.rules.inputs && { inputs: this.rules.inputs }), registers: 'zero' as const };
  }

  /** Overwrites what the rules say in the data of one message. */
  message(topic: string, data: Buffer): void {
    const type = topic.startsWith('event/') ? topic.slice('event/'.length) : undefined;
    if (type !== undefined) for (const stretch of this.stretches.get(type) ?? []) this.overwrite(data, stretch);
    else if (topic === 'input' && isSent(data)) hideSent(data);
    else if (topic === 'input' && this.rules.inputs !== undefined) {
      for (const stretch of contentOfInput(data)) this.overwrite(data, { ...stretch, how: this.rules.inputs });
    }
  }

  /** The registers in a crash report may hold any value of the program. The instruction pointer stays, in a field of its own. */
  registers(control: Buffer): void {
    control.fill(0, REGISTERS.from, Math.min(REGISTERS.end, control.length));
  }

  private add(type: string, stretches: Stretch[]): void {
    this.stretches.set(type, [...(this.stretches.get(type) ?? []), ...stretches]);
  }

  private overwrite(data: Buffer, { from, end, how }: Stretch): void {
    const hidden = data.subarray(from, Math.min(end, data.length));
    if (how === 'zero') return void hidden.fill(0);
    const digest = createHmac('sha256', this.key).update(hidden).digest();
    for (let at = 0; at < hidden.length; at += digest.length) digest.copy(hidden, at);
  }

  /** A rule for a type that no reactor knows is a mistake, and a costly one: nothing would be hidden. */
  private checkTypes(recording: Recording): void {
    const known = [...new Set(typesOf(recording).map(({ name }) => name))];
    for (const type of this.stretches.keys()) if (!known.includes(type)) throw noSuchRedactedType(type, known);
  }
}

const typesOf = (recording: Recording) => recording.reactors.flatMap(({ id }) => recording.log(id).types);

/** Also of an event that was made in the heap: its members are somewhere in the payload, and lead to others. */
const EVERYTHING: FieldRange = { from: 0, end: Infinity };

const byteRanges = ({ bytes = [] }: Rule): FieldRange[] => (bytes === 'all' ? [EVERYTHING] : bytes.map(([from, end]) => ({ from, end })));

const isSent = (data: Buffer): boolean => data.length >= INPUT_HEADER_BYTES + SENT.type && data.readUInt16LE(0) === InputKind.sent;

/** What a reactor has sent is an event of another one, and may hold whatever the rules hide there: all of it is overwritten. */
function hideSent(data: Buffer): void {
  const sent = data.subarray(INPUT_HEADER_BYTES);
  sent.writeUInt32LE(sent.readUInt32LE(SENT.flags) | SENT.uncertain, SENT.flags);
  sent.fill(0, SENT.hash, SENT.hash + 8);
  sent.fill(0, Math.min(sent.length, SENT.type + sent.readUInt32LE(SENT.typeBytes)));
}

/** What of an input came from outside (FORMAT.md §4): which call it was, and its framing, stay. */
function contentOfInput(data: Buffer): FieldRange[] {
  if (data.length <= INPUT_HEADER_BYTES) return [];
  const kind = data.readUInt16LE(0);
  if (INPUTS_WITHOUT_CONTENT.includes(kind)) return [];
  if (kind !== InputKind.call) return [{ from: INPUT_HEADER_BYTES, end: data.length }];
  return CALL_CONTENT.map(({ from, end }) => ({ from: INPUT_HEADER_BYTES + from, end: INPUT_HEADER_BYTES + end }));
}
