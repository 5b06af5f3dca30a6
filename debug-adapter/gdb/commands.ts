/**
 * The MI commands that we use, one function each: arguments in, plain data out. Nothing else writes or reads MI.
 * The commands that begin with -afterimage- are ours (the .py files beside this one).
 */
import { Gdb, quote } from './gdb';
import { MiTuple, miString, miTuple, miTuples } from './mi-parser';

export interface Frame {
  level: number;
  address: bigint;
  /** Without arguments; undefined when gdb knows no symbol. */
  function: string | undefined;
  file: string | undefined;
  fullName: string | undefined;
  line: number | undefined;
  /** The library it belongs to, for frames without line information. */
  library: string | undefined;
}

export interface Variable {
  name: string;
  value: string;
  type: string;
  /** To open it with `children`; 0 when there is nothing inside. */
  id: number;
  /** Elements, when they are counted rather than named. */
  length: number | undefined;
  address: bigint | undefined;
  /** A C++ expression for it, or empty. */
  expression: string;
}

export interface BreakpointPlace {
  number: string;
  /** Where it was set; undefined as long as no loaded module has such a place. */
  file: string | undefined;
  line: number | undefined;
  address: bigint | undefined;
  /** It has no place in the code. */
  isMemory: boolean;
}

export interface BreakpointWish {
  at: { source: string; line: number } | { function: string } | { instruction: bigint } | { memory: bigint; bytes: number };
  condition?: string | undefined;
  hits?: string | undefined;
  log?: string | undefined;
}

// ---- running

/** Reads the symbols of all modules, which takes a while for large programs. */
export const attach = (gdb: Gdb, pid: number) => gdb.sendAndWaitForStop(`-target-attach ${pid}`, 600_000);
export const resume = (gdb: Gdb) => gdb.sendAndWaitForStop('-exec-continue');
export const next = (gdb: Gdb) => gdb.sendAndWaitForStop('-exec-next');
export const step = (gdb: Gdb) => gdb.sendAndWaitForStop('-exec-step');
export const nextInstruction = (gdb: Gdb) => gdb.sendAndWaitForStop('-exec-next-instruction');
export const stepInstruction = (gdb: Gdb) => gdb.sendAndWaitForStop('-exec-step-instruction');
export const finish = (gdb: Gdb) => gdb.sendAndWaitForStop('-exec-finish');
/** Runs until the function of frame `level` returns. */
export const finishFrame = (gdb: Gdb, level: number) => gdb.sendAndWaitForStop(`-exec-finish --thread 1 --frame ${level}`);
/** Goes on at another address, and drops the signal that the program may have stopped for. */
export const jump = (gdb: Gdb, address: bigint) => gdb.sendAndWaitForStop(`-exec-jump *${hex(address)}`);
/** Goes on, and stops at this address at the latest. */
export async function runTo(gdb: Gdb, address: bigint): Promise<MiTuple> {
  const { bkpt } = await gdb.send(`-break-insert -t *${hex(address)}`);
  const stop = await resume(gdb);
  await gdb.send(`-break-delete ${miString(bkpt as MiTuple, 'number')}`).catch(() => undefined); // mostly it has gone by itself
  return stop;
}

export const kill = (gdb: Gdb) => gdb.send('-interpreter-exec console kill');
export const interrupt = (gdb: Gdb) => gdb.send('-exec-interrupt');

/** Whether the program may be sent back from where it stands. */
export async function isRewindable(gdb: Gdb, aborting: boolean): Promise<boolean> {
  return miString(await gdb.send(`-afterimage-rewindable ${aborting ? 1 : 0}`), 'safe') === '1';
}

// ---- faults (time_stamps.py)

/** Whether the program gets SIGSEGV, unseen, or stops for it. */
export const disposeOfFaults = (gdb: Gdb, disposition: 'pass' | 'stop') => gdb.send(`-afterimage-faults ${disposition}`);

/** A name that the innermost frame keeps while it lives. */
export const innermostFrame = async (gdb: Gdb): Promise<string> => String((await gdb.send('-afterimage-frame')).frame);

/** Of the frame with this name; -1 if it has ended. */
export const levelOf = async (gdb: Gdb, frame: string): Promise<number> => Number((await gdb.send(`-afterimage-level ${frame}`)).level);

/** If the instruction where the program stands reads the time-stamp counter: the one behind it. */
export async function behindTimeStampRead(gdb: Gdb): Promise<bigint | undefined> {
  const next = addressIn(await gdb.send('-afterimage-time-stamp-read'), 'next')!;
  return next === 0n ? undefined : next;
}

// ---- breakpoints

/** A breakpoint of ours, which the user never sees. */
export async function insertHidden(gdb: Gdb, symbol: string): Promise<string> {
  const { bkpt } = await gdb.send(`-break-insert *&${symbol}`);
  return miString(bkpt as MiTuple, 'number')!;
}

export async function insertBreakpoint(gdb: Gdb, wish: BreakpointWish): Promise<BreakpointPlace> {
  const texts = [...wordsFor(wish.at), wish.condition ?? '', wish.hits ?? '', wish.log ?? ''];
  const { number } = await gdb.send(`-afterimage-break ${texts.map(quote).join(' ')}`);
  return breakpointPlace(gdb, String(number));
}

function wordsFor(at: BreakpointWish['at']): string[] {
  if ('source' in at) return ['source', at.source, String(at.line)];
  if ('memory' in at) return ['memory', hex(at.memory), String(at.bytes)];
  return 'function' in at ? ['function', at.function, '0'] : ['instruction', hex(at.instruction), '0'];
}

export async function breakpointPlace(gdb: Gdb, number: string): Promise<BreakpointPlace> {
  const { BreakpointTable } = await gdb.send(`-break-info ${number}`);
  const [breakpoint] = miTuples(BreakpointTable as MiTuple, 'body');
  return placeOf(number, breakpoint ?? {});
}

function placeOf(number: string, breakpoint: MiTuple): BreakpointPlace {
  const place = miTuples(breakpoint, 'locations')[0] ?? breakpoint;
  return {
    number,
    file: miString(place, 'fullname') ?? miString(place, 'file'),
    line: numberIn(place, 'line'),
    address: addressIn(place, 'addr'),
    isMemory: /watchpoint/.test(miString(breakpoint, 'type') ?? ''),
  };
}

export const deleteBreakpoints = (gdb: Gdb, numbers: readonly string[]) => onAll(gdb, '-break-delete', numbers);
export const enableBreakpoints = (gdb: Gdb, numbers: readonly string[]) => onAll(gdb, '-break-enable', numbers);
export const disableBreakpoints = (gdb: Gdb, numbers: readonly string[]) => onAll(gdb, '-break-disable', numbers);

async function onAll(gdb: Gdb, command: string, numbers: readonly string[]): Promise<void> {
  if (numbers.length > 0) await gdb.send(`${command} ${numbers.join(' ')}`);
}

// ---- places inside an event

/** An instruction, and how often the event has come to it. */
export interface Place {
  event: number;
  address: bigint;
  arrivals: number;
}

export const setClock = (gdb: Gdb, block: bigint) => gdb.send(`-afterimage-clock ${hex(block)}`);
/** From now on the arrivals at the user's breakpoints are counted anew. */
export const startCounting = (gdb: Gdb) => gdb.send('-afterimage-count');

/** Where the program was stopped last by one of the user's breakpoints. */
export async function lastArrival(gdb: Gdb, number: string): Promise<Place> {
  return countedPlaceOf(await gdb.send(`-afterimage-arrival ${number}`));
}

/** A breakpoint that stops the program at a place, counted from here; `removeArrival` takes it away. */
export async function insertArrival(gdb: Gdb, { event, address, arrivals }: Place): Promise<string> {
  return String((await gdb.send(`-afterimage-arrive ${event} ${hex(address)} ${arrivals}`)).number);
}

export const removeArrival = (gdb: Gdb) => gdb.send('-afterimage-arrived');

/** Where the program was stopped last by one of the user's breakpoints on memory. */
export async function lastChange(gdb: Gdb, number: string): Promise<ChangeOf> {
  return changeOfMemory(await gdb.send(`-afterimage-arrival ${number}`));
}

/** A hit of one of the user's breakpoints. */
export type Hit = { readonly number: string } & ({ readonly place: Place } | { readonly change: ChangeOf });

/** From now on the user's breakpoints do not stop the program; hits before event `limit` are remembered. */
export const startSearch = (gdb: Gdb, limit: number) => gdb.send(`-afterimage-search-start ${limit}`);

/** The last hit; not the place at which the program stands, if it does. */
export async function endSearch(gdb: Gdb, passing: boolean): Promise<Hit | undefined> {
  const results = await gdb.send(`-afterimage-search-end ${passing ? 1 : 0}`);
  if (results.found !== '1') return undefined;
  const number = String(results.number);
  return 'memory' in results ? { number, change: changeOfMemory(results) } : { number, place: countedPlaceOf(results) };
}

/** Looks at a call, to find out later what began last in it or in its caller. */
export async function planTrace(gdb: Gdb, event: number, level: number, unit: 'line' | 'instruction'): Promise<{ hasCaller: boolean }> {
  return { hasCaller: (await gdb.send(`-afterimage-trace-plan ${event} ${level} ${unit}`)).caller === '1' };
}

export const startTrace = (gdb: Gdb) => gdb.send('-afterimage-trace-start');

export async function endTrace(gdb: Gdb, passing: boolean): Promise<Omit<Place, 'event'> | undefined> {
  const results = await gdb.send(`-afterimage-trace-end ${passing ? 1 : 0}`);
  return results.found === '1' ? countedPlaceOf(results) : undefined;
}

const countedPlaceOf = (results: MiTuple): Place => ({
  event: Number(results.event),
  address: addressIn(results, 'address')!,
  arrivals: Number(results.arrivals),
});

// ---- changes of memory

export interface Memory {
  readonly address: bigint;
  readonly bytes: number;
}

/** The first, second, .. change of some memory by an event, and the instruction that made it. */
export interface Change {
  readonly event: number;
  readonly changes: number;
  readonly instruction: bigint;
}

export interface ChangeOf extends Change {
  readonly memory: Memory;
}

/** Counts changes of memory by event, and stops at `wanted`, counted from here; counts the event's arrivals at its instruction meanwhile. */
export function startWatch(gdb: Gdb, memory: readonly Memory[], wanted: Change | undefined): Promise<unknown> {
  const { event, changes, instruction } = wanted ?? { event: 0, changes: 0, instruction: 0n };
  const ranges = memory.map(({ address, bytes }) => `${hex(address)}+${bytes}`);
  return gdb.send(`-afterimage-watch ${ranges.join(',')} ${event} ${changes} ${hex(instruction)}`);
}

export interface Watched {
  readonly last: Change | undefined;
  /** At the wanted instruction. */
  readonly arrivals: number;
}

export async function endWatch(gdb: Gdb): Promise<Watched> {
  const results = await gdb.send('-afterimage-watched');
  return { last: results.changes === '0' ? undefined : changeIn(results), arrivals: Number(results.arrivals) };
}

const changeIn = (results: MiTuple): Change => ({
  event: Number(results.event),
  changes: Number(results.changes),
  instruction: addressIn(results, 'instruction')!,
});

const changeOfMemory = (results: MiTuple): ChangeOf => ({
  ...changeIn(results),
  memory: { address: addressIn(results, 'memory')!, bytes: Number(results.bytes) },
});

// ---- core dumps

/** Reads the symbols of a program that does not run. */
export const loadProgram = (gdb: Gdb, path: string) => gdb.send(`-file-exec-and-symbols ${quote(path)}`, 600_000);
export const openCore = (gdb: Gdb, path: string) => gdb.send(`-target-select core ${path}`, 600_000);

/** Libraries are those in this directory, by name; never what lies at their path on this machine. */
export async function takeLibrariesFrom(gdb: Gdb, directory: string): Promise<void> {
  await gdb.send(`-gdb-set sysroot ${directory}`);
  await gdb.send(`-gdb-set solib-search-path ${directory}`);
}

export interface GdbThread {
  id: number;
  /** Of the kernel. */
  lwp: number;
}

/** In gdb's order; the one that is selected first. */
export async function threads(gdb: Gdb): Promise<GdbThread[]> {
  const results = await gdb.send('-thread-info');
  const all = miTuples(results, 'threads').map((thread) => ({ id: Number(thread.id), lwp: lwpOf(String(thread['target-id'])) }));
  const current = Number(miString(results, 'current-thread-id'));
  return all.sort((a, b) => Number(b.id === current) - Number(a.id === current) || a.id - b.id);
}

/** `Thread 0x7f01 (LWP 4711)`, or `LWP 4711`. */
const lwpOf = (target: string): number => Number(/(?:LWP|process) (\d+)/.exec(target)?.[1] ?? 0);

// ---- the stack

/** A frame by its level (-1: no frame in particular), of the only thread or of one of several. */
export type FrameAt = number | { thread: number; level: number };

export const atFrame = (frame: FrameAt): string => (typeof frame === 'number' ? String(frame) : `--thread ${frame.thread} ${frame.level}`);

export async function stackDepth(gdb: Gdb, limit: number): Promise<number> {
  const { depth } = await gdb.send(`-stack-info-depth ${limit}`);
  return Number(depth);
}

/** Frames `low` to `high`, both included. */
export async function stackFrames(gdb: Gdb, low: number, high: number, thread?: number): Promise<Frame[]> {
  const ofThread = thread === undefined ? '' : `--thread ${thread} `;
  const results = await gdb.send(`-stack-list-frames ${ofThread}${low} ${high}`);
  return miTuples(results, 'stack').map(frameOf);
}

export function frameOf(frame: MiTuple): Frame {
  return {
    level: Number(frame.level ?? 0),
    address: addressIn(frame, 'addr') ?? 0n,
    function: miString(frame, 'func') === '??' ? undefined : miString(frame, 'func'),
    file: miString(frame, 'file'),
    fullName: miString(frame, 'fullname'),
    line: numberIn(frame, 'line'),
    library: miString(frame, 'from'),
  };
}

export const stopFrame = (stop: MiTuple): Frame | undefined => {
  const frame = miTuple(stop, 'frame');
  return frame && frameOf(frame);
};

// ---- values

export async function locals(gdb: Gdb, frame: FrameAt): Promise<Variable[]> {
  return variablesOf(await gdb.send(`-afterimage-locals ${atFrame(frame)}`));
}

export async function registers(gdb: Gdb, frame: FrameAt): Promise<Variable[]> {
  return variablesOf(await gdb.send(`-afterimage-registers ${atFrame(frame)}`));
}

export async function children(gdb: Gdb, id: number, start: number, count: number): Promise<Variable[]> {
  return variablesOf(await gdb.send(`-afterimage-children ${id} ${start} ${count}`));
}

/** The value of an expression in a frame. Never changes the program. */
export async function evaluate(gdb: Gdb, frame: FrameAt, expression: string, format = ''): Promise<Variable> {
  const format_ = format === '' ? '' : ` ${format}`;
  const { result } = await gdb.send(`-afterimage-evaluate ${atFrame(frame)} ${quote(expression)}${format_}`);
  return variableOf(result as MiTuple);
}

/** A number that gdb computes: an address, a register. */
export async function evaluateNumber(gdb: Gdb, expression: string): Promise<bigint> {
  const { value } = await gdb.send(`-data-evaluate-expression ${quote(`(unsigned long)(${expression})`)}`);
  return BigInt(String(value).split(' ')[0]!);
}

/** Output of a gdb command that only looks. */
export async function look(gdb: Gdb, frame: FrameAt, command: string): Promise<string> {
  const { text } = await gdb.send(`-afterimage-command ${atFrame(frame)} ${quote(command)}`);
  return String(text);
}

/** The bytes of an event as a value of its type, a member a line. */
export async function payloadText(gdb: Gdb, type: string, payload: Buffer): Promise<string> {
  const { text } = await gdb.send(`-afterimage-payload ${quote(type)} ${quote(payload.toString('hex'))}`);
  return String(text);
}

export const forgetValues = (gdb: Gdb) => gdb.send('-afterimage-forget');

// ---- memory

/** As many of the bytes as can be read, from the start. */
export async function readMemory(gdb: Gdb, address: bigint, bytes: number): Promise<Buffer> {
  const results = await gdb.send(`-data-read-memory-bytes ${hex(address)} ${bytes}`);
  const parts = miTuples(results, 'memory').map((part) => ({ begin: addressIn(part, 'begin')!, contents: String(part.contents) }));
  const first = parts.find((part) => part.begin === address);
  return Buffer.from(first?.contents ?? '', 'hex');
}

export async function writeMemory(gdb: Gdb, address: bigint, bytes: Buffer): Promise<void> {
  await gdb.send(`-data-write-memory-bytes ${hex(address)} ${bytes.toString('hex')}`);
}

// ---- plain data

export const hex = (address: bigint) => `0x${address.toString(16)}`;

function variablesOf(results: MiTuple): Variable[] {
  return miTuples(results, 'children').map(variableOf);
}

function variableOf(tuple: MiTuple): Variable {
  const length = Number(tuple.length);
  return {
    name: String(tuple.name),
    value: String(tuple.value),
    type: String(tuple.type),
    id: Number(tuple.id),
    length: length < 0 ? undefined : length,
    address: addressIn(tuple, 'address'),
    expression: String(tuple.expression),
  };
}

function numberIn(tuple: MiTuple, name: string): number | undefined {
  const text = miString(tuple, name);
  return text === undefined ? undefined : Number(text);
}

function addressIn(tuple: MiTuple, name: string): bigint | undefined {
  const text = miString(tuple, name);
  return text?.startsWith('0x') ? BigInt(text) : undefined;
}
