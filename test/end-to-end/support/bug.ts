// A seeded bug (fixtures/programs/bugs), reproduced, and the developer who asks about it: every answer comes from the command line.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterimage } from '../../support/cli';
import { onlyRecordingIn, programPath } from '../../support/fixture-programs';

export interface Change {
  event: number | null;
  value: bigint;
}

export interface Delivered {
  number: number;
  /** The fields of the event, 32 bits each. */
  fields: number[];
}

export interface BlockState {
  event: number | null;
  state: 'live' | 'free' | 'none';
}

export interface Write {
  event: number | null;
  before: Buffer;
  after: Buffer;
}

export class Bug {
  private constructor(
    private readonly recording: string,
    /** What the program said that there is to find out. */
    private readonly guilty: number,
    readonly wrongValue: bigint | undefined,
    readonly crashed: boolean,
  ) {}

  /** Runs the program. */
  static async happens(name: string, directory: string): Promise<Bug> {
    const child = spawn(programPath('bugs'), [name, '--directory', directory], { stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = once(child, 'close') as Promise<[number | null, string | null]>;
    const [said, [code, signal]] = [await text(child.stdout), await ended];
    assert.ok(code === 0 || signal !== null, `${name} ended with ${code}`);
    const number = (what: string) => new RegExp(`^${what} (-?\\d+)$`, 'm').exec(said)?.[1];
    const value = number('value');
    assert.equal(value === undefined, signal !== null, 'either a crash or a wrong value');
    return new Bug(onlyRecordingIn(directory), Number(number('guilty')), value === undefined ? undefined : BigInt(value), signal !== null);
  }

  /** The same crash, at the same instruction; or all events without a divergence. */
  async happensAgain(): Promise<void> {
    const { code, stdout, stderr } = await afterimage(['replay', this.recording]);
    assert.match(stdout, this.crashed ? /\nThe same crash as recorded: / : /\nNo divergence\.\n$/, stderr);
    assert.equal(code, 0);
  }

  /** How a value changed; the first entry is what it was before. */
  async history(expression: string, ...options: string[]): Promise<Change[]> {
    const { values } = await this.ask('history', '--expression', expression, '--count', '100000', ...options);
    return values.map(({ event, value }: { event: number | null; value: string }) => ({ event, value: BigInt(value) }));
  }
  async atTheEnd(expression: string): Promise<bigint> {
    return (await this.history(expression)).at(-1)!.value;
  }
  async atTheEndBefore(expression: string, event: number): Promise<bigint> {
    return (await this.history(expression, '--to', String(event))).at(-1)!.value;
  }
  /** The wrong value at the end, as the program printed it. */
  async endsWith(expression: string): Promise<void> {
    assert.equal(await this.atTheEnd(expression), this.wrongValue);
  }

  /** The first event after which something is true. */
  async firstWhere(expression: string): Promise<Delivered> {
    const { events } = await this.ask('find', '--expression', expression);
    assert.equal(events.length, 1, `it is never true that ${expression}`);
    return delivered(events[0]);
  }

  async lastWrite(expression: string): Promise<Write & { delivered: Delivered; address: string }> {
    const answer = await this.ask('last-write', '--expression', expression);
    const [before, after] = [Buffer.from(answer.bytesBefore, 'hex'), Buffer.from(answer.bytesAfter, 'hex')];
    assert.notEqual(answer.event, null, `nothing ever changed ${expression}`);
    return { event: answer.event.number, before, after, delivered: delivered(answer.event), address: answer.address };
  }

  /** What became of the memory at an address. */
  async memoryAt(address: bigint | string, ...options: string[]): Promise<BlockState[]> {
    const text = typeof address === 'string' ? address : address.toString(16);
    const { blocks } = await this.ask('touched', '--address', text, ...options);
    return blocks.map(({ event, state }: BlockState) => ({ event, state }));
  }

  /** The functions of the program that allocated or freed it in an event, the innermost first. */
  async callersAt(address: bigint, event: number | null): Promise<string[]> {
    const { calls } = await this.ask('touched', '--address', address.toString(16));
    const [call] = calls.filter((one: { event: number }) => one.event === event);
    return call.places.map((place: { function: string }) => place.function);
  }

  /** Blocks that two positions do not have in common. */
  async diff(from: number, to: number | undefined) {
    const end = to === undefined ? [] : ['--to', String(to)];
    const { groups, blocks } = await this.ask('diff', '--from', String(from), ...end);
    return { groups, blocks } as {
      groups: { change: string; type: string | null; count: number }[];
      blocks: { change: string; type: string | null; address: string; words: { offset: number; before: string; after: string }[] }[];
    };
  }

  /** The fewest events that end in the crash, or after which something is true. */
  async needs(...options: string[]): Promise<Delivered[]> {
    const { needed, minimal } = await this.ask('reduce', ...options);
    assert.ok(minimal, 'the search was not ended early');
    return Promise.all((needed as number[]).map((number) => this.event(number)));
  }

  /** How it would have ended: without a crash, with the recorded one, or with another. */
  async whatIf(...suppositions: string[]): Promise<'no crash' | 'the same crash' | 'another crash'> {
    const { crash, sameCrash } = await this.ask('what-if', ...suppositions);
    return crash === null ? 'no crash' : sameCrash ? 'the same crash' : 'another crash';
  }

  async event(number: number): Promise<Delivered> {
    const { events } = await this.ask('events', '--from', String(number), '--count', '1');
    return delivered(events[0]);
  }
  async lastEvent(): Promise<Delivered> {
    const { events } = await this.ask('events', '--count', '1');
    return delivered(events[0]);
  }

  /** The end of the story. */
  wasDoneBy(event: number | null): void {
    assert.equal(event, this.guilty);
  }

  private async ask(command: string, ...options: string[]) {
    const { stdout, stderr } = await afterimage([command, this.recording, '--json', ...options]);
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout);
  }
}

function delivered({ number, payload }: { number: number; payload: string }): Delivered {
  const bytes = Buffer.from(payload, 'hex');
  return { number, fields: [...Array(bytes.length >> 2).keys()].map((i) => bytes.readInt32LE(4 * i)) };
}
