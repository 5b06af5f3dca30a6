// Scopes and variables. A reference that the client holds leads to a way of listing what is inside; all of them are void
// as soon as the program moves.
//
//     Locals      arguments and locals of the frame
//     Reactor     the members of the reactor object
//     Event       the members of the event that is processed
//     Registers   of the frame

import { Handles } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as mi from '../gdb/commands';
import { type Gdb, isRefusal } from '../gdb/gdb';
import { grouped, type ReactorInfo, type RecordedEvent } from '../recording';

type Page = { start: number; count: number };
/** Of the reactor object; of the event that it processes, where that is known. */
interface Addresses {
  readonly object: bigint;
  readonly payload: bigint | undefined;
}
type Inside = (page: Page) => Promise<DebugProtocol.Variable[]>;

/** The most that is listed for clients that do not ask in pages. */
const LISTED_AT_ONCE = 1000;
const BYTES_SHOWN = 64;

export class Variables {
  private readonly handles = new Handles<Inside>();

  constructor(
    private readonly gdb: Gdb,
    private readonly reactor: ReactorInfo | undefined,
    private readonly addresses: () => Addresses,
  ) {}

  forget(): void {
    this.handles.reset();
  }

  /** No frame in particular: between two events, where there are no locals. */
  scopes(frame: mi.FrameAt, event: RecordedEvent | undefined): DebugProtocol.Scope[] {
    const { gdb, reactor } = this;
    const inFrame = frame !== -1;
    const scopes: DebugProtocol.Scope[] = [];
    if (inFrame) scopes.push(this.scope('Locals', async () => this.shown(await mi.locals(gdb, frame)), { presentationHint: 'locals' }));
    if (reactor !== undefined) scopes.push(this.scope('Reactor', (page) => this.object(reactor, page)));
    if (!inFrame) return scopes;
    if (event !== undefined) scopes.push(this.scope('Event', (page) => this.event(event, page)));
    scopes.push(
      this.scope('Registers', async () => this.shown(await mi.registers(gdb, frame)), { presentationHint: 'registers', expensive: true }),
    );
    return scopes;
  }

  async list({ variablesReference, start, count }: DebugProtocol.VariablesArguments): Promise<DebugProtocol.Variable[]> {
    const inside = this.handles.get(variablesReference);
    if (inside === undefined) return []; // the program has moved on; the client will ask anew
    return inside({ start: start ?? 0, count: count || LISTED_AT_ONCE }).catch(nothingIfGone);
  }

  /** One of the variables inside, by its name. */
  async named(variablesReference: number, name: string): Promise<DebugProtocol.Variable | undefined> {
    return (await this.list({ variablesReference })).find((variable) => variable.name === name);
  }

  async evaluate(frame: mi.FrameAt, expression: string, hexadecimal: boolean): Promise<DebugProtocol.EvaluateResponse['body']> {
    const variable = await mi.evaluate(this.gdb, frame, expression, hexadecimal ? 'x' : '');
    const { value, name: _name, evaluateName: _evaluateName, ...rest } = this.variable(variable);
    return { result: value, ...rest };
  }

  private scope(name: string, inside: Inside, more: Partial<DebugProtocol.Scope> = {}): DebugProtocol.Scope {
    return { name, variablesReference: this.handles.create(inside), expensive: false, ...more };
  }

  private async members(expression: string, page: Page): Promise<DebugProtocol.Variable[]> {
    const { id } = await mi.evaluate(this.gdb, -1, expression);
    return this.children(id, undefined, page);
  }

  /** A core may lack the memory. */
  private object({ type }: ReactorInfo, page: Page): Promise<DebugProtocol.Variable[]> {
    return this.members(objectAt(type, this.addresses().object), page).catch((error: Error) => [unreadable(type, error)]);
  }

  private async event(event: RecordedEvent, page: Page): Promise<DebugProtocol.Variable[]> {
    const { payload } = this.addresses();
    const head = { name: '[event]', value: describe(event), variablesReference: 0 };
    if (payload === undefined) return [head, encoded(event)];
    const inMemory = { ...head, memoryReference: mi.hex(payload) };
    if (event.type.bytes === 0) return [inMemory, encoded(event)];
    const members = this.members(objectAt(event.type.name, payload), page);
    return [inMemory, ...(await members.catch((error: Error) => [unreadable(event.type.name, error)]))];
  }

  private async children(id: number, length: number | undefined, { start, count }: Page): Promise<DebugProtocol.Variable[]> {
    if (id === 0) return [];
    const listed = this.shown(await mi.children(this.gdb, id, start, Math.min(count, LISTED_AT_ONCE)));
    const left = (length ?? 0) - start - listed.length;
    const wasAskedForAll = count >= LISTED_AT_ONCE && listed.length === LISTED_AT_ONCE;
    if (left > 0 && wasAskedForAll) listed.push({ name: '…', value: `${grouped(left)} more elements`, variablesReference: 0 });
    return listed;
  }

  private shown(variables: readonly mi.Variable[]): DebugProtocol.Variable[] {
    return variables.map((variable) => this.variable(variable));
  }

  private variable({ name, value, type, id, length, address, expression }: mi.Variable): DebugProtocol.Variable {
    return {
      name,
      value,
      type,
      variablesReference: id === 0 ? 0 : this.handles.create((page) => this.children(id, length, page)),
      ...(length === undefined ? {} : { indexedVariables: length }),
      ...(address === undefined ? {} : { memoryReference: mi.hex(address) }),
      ...(expression === '' ? {} : { evaluateName: expression }),
    };
  }
}

/** A listing that the program's move has overtaken hands out references of before: they lead nowhere. */
function nothingIfGone(error: unknown): DebugProtocol.Variable[] {
  if (isRefusal(error) && error.message.includes('has moved on')) return [];
  throw error;
}

/** Quoted: type names have spaces, commas and `(anonymous namespace)` in them. */
const objectAt = (type: string, address: bigint): string => `*('${type}' *)${mi.hex(address)}`;

function describe({ number, type, timeNs }: RecordedEvent): string {
  const time = new Date(Number(timeNs / 1_000_000n)).toISOString();
  return `${grouped(number)} · ${type.name} · ${time}`;
}

function encoded({ payload, type }: RecordedEvent): DebugProtocol.Variable {
  const bytes = payload.subarray(0, BYTES_SHOWN).toString('hex').replace(/../g, '$& ').trim();
  const more = payload.length > BYTES_SHOWN ? ' …' : '';
  return { name: `[${type.codec} payload]`, value: `${grouped(payload.length)} bytes: ${bytes}${more}`, variablesReference: 0 };
}

const unreadable = (name: string, error: Error): DebugProtocol.Variable => ({ name, value: `<${error.message}>`, variablesReference: 0 });
