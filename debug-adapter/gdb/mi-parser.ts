/**
 * The language gdb speaks to programs: GDB/MI, version 3. One line of gdb's output becomes one record.
 *
 *     12^done,bkpt={number="1",locations=[{...},{...}]}     result of the command sent with token 12
 *     *stopped,reason="breakpoint-hit",frame={...}          something happened to the program (exec)
 *     +download,...  =library-loaded,...                    progress (status), other news (notify)
 *     ~"text"  @"text"  &"text"                             console, program, log text
 *     (gdb)                                                 gdb is ready
 *
 * Whatever does not follow the grammar becomes a `text` record: the debugged program may write to gdb's output.
 * Pure: no process, no state. Nothing here throws.
 */
export type MiValue = string | MiTuple | MiValue[];
export interface MiTuple {
  [name: string]: MiValue;
}

export type MiRecord =
  | { kind: 'result'; token: number | undefined; name: string; results: MiTuple }
  | { kind: 'exec' | 'status' | 'notify'; token: number | undefined; name: string; results: MiTuple }
  | { kind: 'console' | 'target' | 'log'; text: string }
  | { kind: 'prompt' }
  | { kind: 'text'; text: string };

const asyncKinds = { '^': 'result', '*': 'exec', '+': 'status', '=': 'notify' } as const;
const streamKinds = { '~': 'console', '@': 'target', '&': 'log' } as const;
const escapes: Record<string, number> = { n: 10, t: 9, r: 13, b: 8, f: 12, v: 11, a: 7, e: 27, '"': 34, '\\': 92, "'": 39 };
const nestingLimit = 200;

class NotMi extends Error {}

/** Reads one line, without its line end. */
export function parseMiLine(line: string): MiRecord {
  if (line.trimEnd() === '(gdb)') return { kind: 'prompt' };
  try {
    return new MiParser(line).record();
  } catch (error) {
    if (error instanceof NotMi) return { kind: 'text', text: line };
    throw error;
  }
}

class MiParser {
  private at = 0;
  private depth = 0;

  constructor(private readonly line: string) {}

  record(): MiRecord {
    const stream = streamKinds[this.line[0] as keyof typeof streamKinds];
    if (stream) return this.streamRecord(stream);

    const digits = this.match(/\d*/y);
    const kind = asyncKinds[this.line[this.at] as keyof typeof asyncKinds];
    if (!kind) throw new NotMi();
    this.at++;
    const name = this.match(/[A-Za-z][-\w]*/y);
    const results: MiTuple = {};
    while (this.skip(',')) this.resultInto(results);
    this.end();
    return { kind, token: digits === '' ? undefined : Number(digits), name, results };
  }

  private streamRecord(kind: 'console' | 'target' | 'log'): MiRecord {
    this.at = 1;
    const text = this.cString();
    this.end();
    return { kind, text };
  }

  private value(): MiValue {
    const next = this.line[this.at];
    if (next === '"') return this.cString();
    if (next !== '{' && next !== '[') throw new NotMi();
    if (++this.depth > nestingLimit) throw new NotMi();
    const value = next === '{' ? this.tuple() : this.list();
    this.depth--;
    return value;
  }

  private tuple(): MiTuple {
    const tuple: MiTuple = {};
    this.expect('{');
    if (this.skip('}')) return tuple;
    do this.resultInto(tuple);
    while (this.skip(','));
    this.expect('}');
    return tuple;
  }

  /** A list holds values or `name=value` results; the names of a list all say the same, so only values are kept. */
  private list(): MiValue[] {
    const list: MiValue[] = [];
    this.expect('[');
    if (this.skip(']')) return list;
    do {
      if (this.startsName()) this.resultName();
      list.push(this.value());
    } while (this.skip(','));
    this.expect(']');
    return list;
  }

  /** gdb repeats names in some tuples (`thread-ids={thread-id="1",thread-id="2"}`): then they become a list. */
  private resultInto(tuple: MiTuple): void {
    const name = this.resultName();
    const value = this.value();
    const earlier = Object.hasOwn(tuple, name) ? tuple[name] : undefined;
    if (earlier === undefined) define(tuple, name, value);
    else if (Array.isArray(earlier)) earlier.push(value);
    else tuple[name] = [earlier, value];
  }

  private startsName(): boolean {
    return /[A-Za-z_]/.test(this.line[this.at] ?? '');
  }

  private resultName(): string {
    const name = this.match(/[A-Za-z_][-\w.]*/y);
    this.expect('=');
    return name;
  }

  /** Octal escapes are bytes of UTF-8 text, several of which may make one character. */
  private cString(): string {
    this.expect('"');
    const plain = this.match(/[^"\\]*/y);
    if (this.skip('"')) return plain;

    const parts = [Buffer.from(plain)];
    while (!this.skip('"')) {
      if (this.skip('\\')) parts.push(Buffer.of(this.escapedByte()));
      else parts.push(Buffer.from(this.match(/[^"\\]+/y)));
    }
    return Buffer.concat(parts).toString('utf8');
  }

  private escapedByte(): number {
    const octal = this.match(/[0-7]{0,3}/y);
    if (octal !== '') return parseInt(octal, 8) & 0xff;
    const byte = escapes[this.line[this.at] ?? ''];
    if (byte === undefined) throw new NotMi();
    this.at++;
    return byte;
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.line);
    if (!found) throw new NotMi();
    this.at = pattern.lastIndex;
    return found[0];
  }

  private skip(character: string): boolean {
    if (this.line[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private expect(character: string): void {
    if (!this.skip(character)) throw new NotMi();
  }

  private end(): void {
    if (this.line.slice(this.at).trim() !== '') throw new NotMi();
  }
}

/** Plain assignment would lose a result named `__proto__`. */
function define(tuple: MiTuple, name: string, value: MiValue): void {
  Object.defineProperty(tuple, name, { value, enumerable: true, writable: true, configurable: true });
}

export function miString(tuple: MiTuple, name: string): string | undefined {
  const value = tuple[name];
  return typeof value === 'string' ? value : undefined;
}

export function miTuple(tuple: MiTuple, name: string): MiTuple | undefined {
  const value = tuple[name];
  return typeof value === 'object' && !Array.isArray(value) ? value : undefined;
}

export function miList(tuple: MiTuple, name: string): MiValue[] {
  const value = tuple[name];
  return Array.isArray(value) ? value : [];
}

/** The tuples of a list such as `stack=[frame={...},frame={...}]`. */
export function miTuples(tuple: MiTuple, name: string): MiTuple[] {
  return miList(tuple, name).filter((value): value is MiTuple => typeof value === 'object' && !Array.isArray(value));
}
