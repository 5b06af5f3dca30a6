// Code as a client shows it: disassembly that scrolls both ways, breakpoints on instructions, modules, and what words may
// become in the debug console.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { flightBoardSource, lineOf } from '../../end-to-end/support/flight-recording';
import { programPath, recordCrash } from '../../support/fixture-programs';
import { temporaryDirectory } from '../../support/temporary-directory';
import { Client, type Stopped } from './client';

describe('the code of a session', () => {
  const directory = temporaryDirectory();
  let recording: string;
  let client: Client;
  let stopped: Stopped;

  before(async () => (recording = await recordCrash('flight-board', directory.path)));
  beforeEach(async () => {
    client = Client.start();
    stopped = await client.launch({ recording, stopAt: 3 });
  });
  afterEach(() => client.close());

  const here = () => stopped.frames[0]!.instructionPointerReference!;
  const request = async <R extends DebugProtocol.Response>(command: string, args: object = {}): Promise<R['body']> =>
    ((await client.dc.customRequest(command, args)) as R).body;

  async function disassemble(memoryReference: string, instructionOffset: number, instructionCount: number) {
    const args = { memoryReference, instructionOffset, instructionCount, resolveSymbols: true };
    const body = await request<DebugProtocol.DisassembleResponse>('disassemble', args);
    assert.equal(body!.instructions.length, instructionCount);
    return body!.instructions;
  }

  /** Addresses of the instructions of react(), as objdump has them. */
  function reactInTheFile(): number[] {
    const args = ['--disassemble=_ZN11FlightBoard5reactERK6Flight', '--no-show-raw-insn', programPath('flight-board')];
    const text = execFileSync('objdump', args, { encoding: 'utf8' });
    return [...text.matchAll(/^ +([\da-f]+):\t/gm)].map(([, address]) => Number.parseInt(address!, 16));
  }

  it('is disassembled around an address, with sources, symbols and bytes', async () => {
    const rows = await disassemble(here(), -20, 60);
    assert.equal(rows[20]!.address, here());
    const inFile = reactInTheFile();
    const begin = rows.find(({ symbol }) => symbol === 'FlightBoard::react(Flight const&)');
    assert.ok(begin, 'the beginning of react() is among them');
    const react = rows.slice(rows.indexOf(begin), rows.indexOf(begin) + Math.min(30, inFile.length));
    const distances = (addresses: number[]) => addresses.map((address) => address - addresses[0]!);
    assert.deepEqual(distances(react.map(({ address }) => Number(address))), distances(inFile.slice(0, react.length)));
    assert.equal(begin.location?.path ?? rows[rows.indexOf(begin) - 1]?.location?.path, flightBoardSource);
    const line = lineOf(flightBoardSource, 'FlightBoard::react(');
    assert.ok([line, line + 1].includes(begin.line!), `line ${begin.line}`); // optimised code may begin with its first statement
    for (const { instructionBytes, address } of react.slice(0, -1)) assert.match(instructionBytes!, /^([\da-f]{2} ?)+$/, address);
  });

  it('is the same wherever the view has scrolled to', async () => {
    const [above, around] = [await disassemble(here(), -200, 200), await disassemble(here(), -100, 150)];
    assert.deepEqual(above.slice(100).map(({ address }) => address), around.slice(0, 100).map(({ address }) => address)); // prettier-ignore
    const below = await disassemble(here(), 10, 20);
    assert.deepEqual(below.map(({ address }) => address), around.slice(110, 130).map(({ address }) => address)); // prettier-ignore
    assert.ok(above.every(({ presentationHint }) => presentationHint !== 'invalid'));
  });

  it('has rows, too, where there is no memory', async () => {
    const rows = await disassemble('0x10', -5, 12);
    assert.deepEqual(new Set(rows.map(({ instruction }) => instruction)), new Set(['cannot be read']));
    await assert.rejects(disassemble(here(), 0, 1_000_000), /at most 4096/);
  });

  it('is stepped by the instruction, and stops at one', async () => {
    const rows = await disassemble(here(), 0, 6);
    const step = () => client.stop(() => client.dc.nextRequest({ threadId: 1, granularity: 'instruction' }));
    assert.equal((await step()).frames[0]!.instructionPointerReference, rows[1]!.address);
    const breakpoints = [{ instructionReference: here(), offset: Number(rows[2]!.address) - Number(here()) }];
    const [set] = (await request<DebugProtocol.SetInstructionBreakpointsResponse>('setInstructionBreakpoints', { breakpoints }))!
      .breakpoints;
    assert.deepEqual([set!.verified, set!.instructionReference], [true, rows[2]!.address]);
    const hit = await client.continue();
    assert.deepEqual([hit.reason, hit.frames[0]!.instructionPointerReference], ['instruction breakpoint', rows[2]!.address]);
    await client.continue();
    assert.equal(client.position!.position, 4);
    await client.reverseContinue();
    assert.equal(client.position!.position, 3);
  });

  it('shows any event as its type has it', async () => {
    const text = async (event: number) => (await request<DebugProtocol.Response>('afterimage.payload', { event })).text as string;
    assert.match(await text(3), /^\{\n +departure = \d+,\n +delay_minutes = -?\d+,\n.*\n +origin = "[A-Z]{3}",\n/);
    assert.match(await text(515_377), /delay_minutes = -212,/);
    await assert.rejects(request('afterimage.payload', { event: 999_999_999 }), /no event 999,999,999/);
  });

  it('restarts where it began, without another process', async () => {
    await client.seek(70);
    const again = await client.stop(() => request('restart'));
    assert.deepEqual([client.position!.position, again.reason, again.frames[0]!.line], [3, 'entry', stopped.frames[0]!.line]);
  });

  it('has modules with their builds', async () => {
    const { modules } = (await request<DebugProtocol.ModulesResponse>('modules'))!;
    const program = modules.find(({ name }) => name === 'flight-board');
    assert.match(program?.version ?? '', /^build-id [\da-f]{40}$/);
    assert.ok(modules.some(({ name }) => name.startsWith('libafterimage.so')));
  });

  it('tells which lines have code', async () => {
    const line = lineOf(flightBoardSource, 'add_to_route(flight);');
    const args = { source: { path: flightBoardSource }, line: line - 30, endLine: line };
    const { breakpoints } = (await request<DebugProtocol.BreakpointLocationsResponse>('breakpointLocations', args))!;
    assert.ok(breakpoints.some((place) => place.line === line));
    assert.ok(breakpoints.every((place) => place.line >= line - 30 && place.line <= line));
  });

  it('completes expressions and commands in the debug console', async () => {
    const complete = async (text: string) => {
      const args = { frameId: stopped.frames[0]!.id, text, column: text.length + 1 };
      const { targets } = (await request<DebugProtocol.CompletionsResponse>('completions', args))!;
      return targets.map(({ label, start, length }) => text.slice(0, start! - 1) + label + text.slice(start! - 1 + length!));
    };
    assert.ok((await complete('1 + flight.del')).includes('1 + flight.delay_minutes'));
    assert.ok((await complete('this->fli')).includes('this->flights_'));
    assert.ok((await complete('> info regis')).includes('> info registers'));
    assert.ok((await complete('flight.')).includes('flight.origin'));
    assert.deepEqual(await complete(''), []);
  });
});
