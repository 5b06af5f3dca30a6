// Questions about the whole timeline. Each is put to a replayer of its own, which nobody debugs: the session stays where it is.
// The client shows how far the search has come, and may withdraw it.

import { ProgressEndEvent, ProgressStartEvent, ProgressUpdateEvent } from '@vscode/debugadapter';
import type { DebugProtocol as P } from '@vscode/debugprotocol';
import * as z from 'zod';
import * as mi from '../gdb/commands';
import { type Gdb } from '../gdb/gdb';
import { type Asking } from '../questions/asking';
import { findEvents, findStretches } from '../questions/find';
import { valueHistory } from '../questions/history';
import { noCrash } from '../questions/errors';
import { type Range, replayableRange } from '../questions/range';
import { reduce } from '../questions/reduce';
import { type Assignment } from '../questions/typed-payloads';
import { isRecordedCrash, supposed, whatIf } from '../questions/what-if';
import { checkInHeap } from '../questions/storage';
import { touched } from '../questions/touched';
import { findWrite } from '../questions/writes';
import { grouped, type ReactorInfo, type Recording, signalName, UserError } from '../recording';
import { type WritingEvent } from '../replay/last-writer';
import { type ReplaySession } from '../replay/replay-session';
import { type Stop } from '../replay/stops';
import { frameAt } from './stack';

const MOST_ROWS = 10_000;
const LONGEST_SEARCH_MS = 120_000;
const expression = z.string().trim().min(1);
/** `set`: MEMBER = VALUE, and more of them behind semicolons; without it the event is left out. */
export const WhatIfArguments = z.object({ event: z.int().nonnegative(), set: z.string().optional() });
export const FilterArguments = z.object({ expression });
export const SearchArguments = z.object({ expression, count: z.int().min(1).max(MOST_ROWS).default(1000) });
export const ExpressionInFrame = z.object({ expression, frameId: z.int().optional() });

/** What a session knows that asks. */
export interface Asker {
  readonly recording: Recording;
  readonly reactor: ReactorInfo;
  readonly program: string;
  readonly gdb: string;
  /** Tells the client; nothing where it does not show progress. */
  readonly tell: (event: P.Event) => void;
}

export class Questions {
  private readonly open = new Map<string, AbortController>();
  private asked = 0;

  constructor(private readonly asker: Asker) {}

  /** The events after which a C++ expression is true. */
  async find({ expression, count }: z.infer<typeof SearchArguments>) {
    const range = this.range();
    const title = `Looking for events after which ${expression}`;
    const { events, unreadable, faithful } = await this.ask(title, range, (asking) => findEvents(range, expression, count, asking));
    const rows = events.map(({ event: { number, type, timeNs }, value }) => {
      return { number, type: type.name, timeNs: String(timeNs), value: String(value) };
    });
    return { expression, events: rows, unreadable, faithful };
  }

  /** Likewise, but only which events, however many: for a list of all. */
  async filter({ expression }: z.infer<typeof FilterArguments>) {
    const range = this.range();
    const title = `Filtering events by ${expression}`;
    const { stretches, faithful } = await this.ask(title, range, (asking) => findStretches(range, expression, asking));
    return { expression, from: range.from, to: range.to, stretches: stretches.map(({ from, to }) => [from, to]), faithful };
  }

  /** The events that changed a value, and what it was then. */
  async history({ expression, count }: z.infer<typeof SearchArguments>) {
    const range = this.range();
    const title = `Following ${expression} through the events`;
    const { values, changes, faithful } = await this.ask(title, range, (asking) => valueHistory(range, expression, count, asking));
    return { expression, changes, values: values.map(({ event, value }) => ({ event: event ?? null, value: String(value) })), faithful };
  }

  /** The fewest events that end in the recorded crash. */
  async crashNeeds() {
    const range = this.range();
    const { recording, reactor } = range;
    if (recording.crash?.reactor !== reactor.id) throw noCrash(reactor.name);
    const deadline = Date.now() + LONGEST_SEARCH_MS;
    const found = await this.showingProgress('Looking for the events that the crash needs', (update, signal, gdb) => {
      const onProgress = (needed: number, replays: number) => update(`${grouped(needed)} events left after ${grouped(replays)} replays`);
      return reduce(range, { gdb, force: false, signal, enough: () => Date.now() > deadline, onProgress });
    });
    const log = recording.log(reactor.id);
    const events = found.needed.slice(-MOST_ROWS).map((number) => log.event(number));
    const rows = events.map(({ number, type, timeNs }) => ({ number, type: type.name, timeNs: String(timeNs) }));
    return { events: rows, of: found.of, replays: found.replays, minimal: found.minimal };
  }

  /** Whether it would have crashed without an event, or had it brought something else. */
  async whatIf({ event, set }: z.infer<typeof WhatIfArguments>) {
    const range = this.range();
    const { recording, reactor } = range;
    const title = set === undefined ? `Replaying without event ${grouped(event)}` : `Replaying with another event ${grouped(event)}`;
    const without = set === undefined ? [{ from: event, to: event + 1 }] : [];
    const changes = new Map(set === undefined ? [] : [[event, assignmentsIn(set)] as const]);
    const supposition = await supposed(range, without, changes, this.asker.gdb);
    const { end, warnings } = await this.ask(title, range, (asking) => whatIf(range, supposition, asking));
    const isSame = isRecordedCrash(recording, reactor.id, end);
    return {
      event,
      set: set ?? null,
      text: supposition.texts.get(event) ?? null,
      crash: end.event === 'crash' ? { event: end.eventNumber, signal: signalName(end.signal), isSame } : null,
      position: end.event === 'crash' ? end.eventNumber : end.position,
      end: recording.log(reactor.id).end,
      warnings: warnings.length,
    };
  }

  /** Who allocated and freed the memory that a pointer leads to, or that anything else is in. */
  async heapCalls(gdb: Gdb, { expression, frameId }: z.infer<typeof ExpressionInFrame>) {
    const range = this.range();
    const address = await memoryMeant(gdb, frameAt(frameId), expression);
    checkInHeap(range.reactor, { address, bytes: 1 });
    const title = `Looking for who allocated ${expression}`;
    const { calls, faithful } = await this.ask(title, range, (asking) => touched(range, address, asking));
    const rows = calls.map(({ eventNumber, what, bytes, places }) => ({ event: eventNumber, what, bytes, places }));
    return { expression, address: mi.hex(address), count: calls.at(-1)?.number ?? 0, calls: rows, faithful };
  }

  /** Takes the session to the last write; `answer` is what there is to say about it. */
  async lastWrite(replay: ReplaySession, frame: mi.FrameAt, expression: string): Promise<{ stop: Stop; answer: object }> {
    const memory = await memoryOf(replay, frame, expression);
    const { stop, found } = await replay.toLastWrite(memory, (before) => this.findWriter(expression, memory, before));
    const bytes = found && { before: found.before.toString('hex'), after: found.after.toString('hex') };
    return { stop, answer: { expression, address: mi.hex(memory.address), bytes: memory.bytes, event: found?.event ?? null, ...bytes } };
  }

  /** Withdraws a question that the client has seen the progress of. */
  cancel(progressId: string): void {
    this.open.get(progressId)?.abort();
  }

  close(): void {
    for (const question of this.open.values()) question.abort();
  }

  private async findWriter(expression: string, memory: mi.Memory, before: number): Promise<WritingEvent | undefined> {
    const range = this.range(before);
    const title = `Looking for the event that wrote ${expression}`;
    const { event, writes } = await this.ask(title, range, (asking) => findWrite(range, 'last', memory, asking));
    return event && { event: event.number, before: writes.before, after: writes.after };
  }

  private range(to?: number): Range {
    const { recording, reactor, program } = this.asker;
    return replayableRange(recording, reactor, program, to === undefined ? {} : { to });
  }

  private ask<T>(title: string, { from, to }: Range, question: (asking: Asking) => Promise<T>): Promise<T> {
    return this.showingProgress(title, (update, signal, gdb) => {
      const percentage = (position: number) => (to > from ? Math.min(100, Math.max(0, (100 * (position - from)) / (to - from))) : 0);
      const onProgress = (position: number) => update(`event ${grouped(position)}`, percentage(position));
      return question({ gdb, force: false, onProgress, signal });
    });
  }

  private async showingProgress<T>(
    title: string,
    question: (update: (message: string, percentage?: number) => void, signal: AbortSignal, gdb: string) => Promise<T>,
  ): Promise<T> {
    const { gdb, tell } = this.asker;
    const id = `question-${++this.asked}`;
    const controller = new AbortController();
    this.open.set(id, controller);
    const started: P.ProgressStartEvent = new ProgressStartEvent(id, title);
    tell({ ...started, body: { ...started.body, cancellable: true } } as P.ProgressStartEvent);
    const update = (message: string, percentage?: number) => {
      const updated: P.ProgressUpdateEvent = new ProgressUpdateEvent(id, message);
      tell({ ...updated, body: { ...updated.body, ...(percentage === undefined ? {} : { percentage }) } } as P.ProgressUpdateEvent);
    };
    try {
      return await question(update, controller.signal, gdb);
    } finally {
      this.open.delete(id);
      tell(new ProgressEndEvent(id));
    }
  }
}

function assignmentsIn(set: string): Assignment[] {
  const parts = set.split(';').filter((part) => part.trim() !== '');
  if (parts.length === 0) throw notAnAssignment(set);
  return parts.map((part) => {
    const [, member, value] = /^\s*([A-Za-z_][\w.[\]]*)\s*=\s*(.*\S)\s*$/s.exec(part) ?? [];
    if (member === undefined || value === undefined) throw notAnAssignment(part.trim());
    return [member, value];
  });
}

const notAnAssignment = (text: string) =>
  new UserError(
    'not-an-assignment',
    `"${text}" gives no member of the event a value. Write MEMBER = VALUE; for example price = 0; count = 1`,
  );

async function memoryMeant(gdb: Gdb, frame: mi.FrameAt, expression: string): Promise<bigint> {
  const { address } = await mi.evaluate(gdb, frame, expression);
  if (await isPointer(gdb, frame, expression)) return BigInt((await mi.evaluate(gdb, frame, `(unsigned long)(${expression})`)).value);
  if (address === undefined) throw noAddress(expression);
  return address;
}

/** Behind all names of its type. */
const isPointer = async (gdb: Gdb, frame: mi.FrameAt, expression: string): Promise<boolean> =>
  /\*( const| volatile)*$/.test((await mi.look(gdb, frame, `ptype ${expression}`)).trim());

/** Where the value of an expression is stored, as seen from a frame. */
async function memoryOf({ gdb }: ReplaySession, frame: mi.FrameAt, expression: string): Promise<mi.Memory> {
  const { address } = await mi.evaluate(gdb, frame, expression);
  if (address === undefined) throw noAddress(expression);
  const { value } = await mi.evaluate(gdb, frame, `sizeof(${expression})`);
  return { address, bytes: Number(value) };
}

const noAddress = (expression: string) =>
  new UserError(
    'no-address',
    `"${expression}" is a computed value or in a register; only what is stored in memory was written by somebody.`,
  );
