// Damage at random, the same on every run: bytes, the words that headers are made of, ends cut off; in JSON, fields as well.
import assert from 'node:assert/strict';
import { UserError } from '../../debug-adapter/recording';

export type Random = (below: number) => number;

/** They do more harm than noise. */
const NASTY = [
  0n,
  1n,
  0xffn,
  0xffffn,
  0x7fff_ffffn,
  0xffff_ffffn,
  0x7fff_ffff_ffff_ffffn,
  0xffff_ffff_ffff_ffffn,
  0x1000n,
  0x3fff_ff00_0000n,
];
const NASTY_JSON = [
  null,
  true,
  -1,
  0,
  1e308,
  2 ** 53,
  4096.5,
  '',
  '0x',
  '0xffffffffffffffff',
  '-1',
  '99999999999999999999',
  'x'.repeat(5000),
  [],
  {},
  [[[]]],
];

/** Of the processor: how busy the machine is does not matter. */
const SECONDS_MOST = 5;

/** A byte, or a word, at a place that has eight bytes behind it. */
export function damage(bytes: Buffer, at: number, random: Random): void {
  if (random(2) === 0) bytes[at] = random(256);
  else bytes.writeBigUInt64LE(NASTY[random(NASTY.length)] as bigint, at);
}

/** A copy with a few bytes changed, mostly among the first `interesting` ones; one in four is cut off, too. */
export function mutated(whole: Buffer, random: Random, interesting = whole.length): Buffer {
  const bytes = Buffer.from(whole);
  for (let change = random(6); change >= 0 && bytes.length > 8; change--) {
    const at = random(Math.min(bytes.length, random(4) === 0 ? bytes.length : interesting) - 7);
    damage(bytes, at, random);
  }
  return random(4) === 0 ? bytes.subarray(0, random(bytes.length + 1)) : bytes;
}

/** JSON with one or two values replaced or taken out, at any depth; still JSON. */
export function mutatedJson(text: string, random: Random): string {
  const document: unknown = JSON.parse(text);
  for (let change = random(2); change >= 0; change--) mutateField(document, random);
  return JSON.stringify(document);
}

function mutateField(document: unknown, random: Random): void {
  let node = document as Record<string, unknown>;
  for (;;) {
    const keys = Object.keys(node);
    const key = keys[random(keys.length)];
    if (key === undefined) return;
    const inside = node[key];
    const isLeaf = typeof inside !== 'object' || inside === null;
    if (!isLeaf && random(4) > 0) node = inside as Record<string, unknown>;
    else if (random(5) === 0) return void delete node[key];
    else return void (node[key] = NASTY_JSON[random(NASTY_JSON.length)]);
  }
}

/** What `work` says, or the code of its refusal. Any other error, and much time, is a failure that names the mutation. */
export async function outcomeOf(mutation: number, work: () => string | Promise<string>): Promise<string> {
  const started = process.cpuUsage();
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UserError)) throw new Error(`mutation ${mutation} ended in an error of ours`, { cause: error });
    assert.match(error.message, /^.{20,900}$/s, `mutation ${mutation} is told as: ${error.message}`);
    return error.code;
  } finally {
    const { user, system } = process.cpuUsage(started);
    const seconds = (user + system) / 1e6;
    assert.ok(seconds < SECONDS_MOST, `mutation ${mutation} took ${seconds.toFixed(1)} s`);
  }
}

/** How often each outcome came. */
export class Outcomes {
  private readonly counts = new Map<string, number>();

  add(outcome: string): void {
    this.counts.set(outcome, (this.counts.get(outcome) ?? 0) + 1);
  }

  /** Otherwise the mutations would hit only what nobody reads. */
  include(...outcomes: string[]): void {
    for (const outcome of outcomes)
      assert.ok(this.counts.has(outcome), `${outcome} never happened; but ${[...this.counts.keys()].join(', ')}`);
  }
}
