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
import { type EventType, type ReactorInfo, type RecordedEvent } from '../recording';
import { type ReplaySession } from '../replay/replay-session';
import { counted } from './text';

type Page = { start: number; count: number };
type Inside = (page: Page) => Promise<DebugProtocol.Variable[]>;

/** The most that is listed for clients that do not ask in pages. */
const LISTED_AT_ONCE = 1000;
const BYTES_SHOWN = 64;

export class Variables {
  private readonly handles = new Handles<Inside>();

  constructor(
    private readonly replay: ReplaySession,
    private readonly reactor: ReactorInfo,
  ) {}

  forget(): void {
    this.handles.reset();
  }

  /** `level` -1: between two events, where there are no locals. */
  scopes(level: number, event: RecordedEvent | undefined): DebugProtocol.Scope[] {
    const { gdb } = this.replay;
    const scopes: DebugProtocol.Scope[] = [];
    if (level >= 0) scopes.push(this.scope('Locals', async () => this.shown(await mi.locals(gdb, level)), { presentationHint: 'locals' }));
    scopes.push(this.scope('Reactor', (page) => this.members(objectAt(this.reactor.type, this.replay.addresses.object), page)));
    if (level < 0) return scopes;
    if (event !== undefined) scopes.push(this.scope('Event', (page) => this.event(event, page)));
    scopes.push(
      this.scope('Registers', async () => this.shown(await mi.registers(gdb, level)), { presentationHint: 'registers', expensive: true }),
    );
    return scopes;
  }

  async list({ variablesReference, start, count }: DebugProtocol.VariablesArguments): Promise<DebugProtocol.Variable[]> {
    const inside = this.handles.get(variablesReference);
    if (inside === undefined) return []; // the program has moved on; the client will ask anew
    return inside({ start: start ?? 0, count: count || LISTED_AT_ONCE });
  }

  async evaluate(level: number, expression: string, hexadecimal: boolean): Promise<DebugProtocol.EvaluateResponse['body']> {
    const variable = await mi.evaluate(this.replay.gdb, level, expression, hexadecimal ? 'x' : '');
    const { value, name: _name, evaluateName: _evaluateName, ...rest } = this.variable(variable);
    return { result: value, ...rest };
  }

  private scope(name: string, inside: Inside, more: Partial<DebugProtocol.Scope> = {}): DebugProtocol.Scope {
    return { name, variablesReference: this.handles.create(inside), expensive: false, ...more };
  }

  private async members(expression: string, page: Page): Promise<DebugProtocol.Variable[]> {
    const { id } = await mi.evaluate(this.replay.gdb, -1, expression);
    return this.children(id, undefined, page);
  }

  private async event(event: RecordedEvent, page: Page): Promise<DebugProtocol.Variable[]> {
    const { payload } = this.replay.addresses;
    const head = { name: '[event]', value: describe(event), variablesReference: 0, memoryReference: mi.hex(payload) };
    if (event.type.codec !== 'trivial') return [head, encoded(event)];
    const members = await this.members(objectAt(event.type.name, payload), page).catch((error: Error) => [unknownType(event.type, error)]);
    return [head, ...members];
  }

  private async children(id: number, length: number | undefined, { start, count }: Page): Promise<DebugProtocol.Variable[]> {
    if (id === 0) return [];
    const listed = this.shown(await mi.children(this.replay.gdb, id, start, Math.min(count, LISTED_AT_ONCE)));
    const left = (length ?? 0) - start - listed.length;
    const wasAskedForAll = count >= LISTED_AT_ONCE && listed.length === LISTED_AT_ONCE;
    if (left > 0 && wasAskedForAll) listed.push({ name: '…', value: `${counted(left)} more elements`, variablesReference: 0 });
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

/** Quoted: type names have spaces, commas and `(anonymous namespace)` in them. */
const objectAt = (type: string, address: bigint): string => `*('${type}' *)${mi.hex(address)}`;

function describe({ number, type, timeNs }: RecordedEvent): string {
  const time = new Date(Number(timeNs / 1_000_000n)).toISOString();
  return `${counted(number)} · ${type.name} · ${time}`;
}

function encoded({ payload, type }: RecordedEvent): DebugProtocol.Variable {
  const bytes = payload.subarray(0, BYTES_SHOWN).toString('hex').replace(/../g, '$& ').trim();
  const more = payload.length > BYTES_SHOWN ? ' …' : '';
  return { name: `[${type.codec} payload]`, value: `${counted(payload.length)} bytes: ${bytes}${more}`, variablesReference: 0 };
}

const unknownType = (type: EventType, error: Error): DebugProtocol.Variable => ({
  name: type.name,
  value: `<${error.message}>`,
  variablesReference: 0,
});
