// Where a command writes to. Colours and the progress bar are for terminals only; --json writes one JSON document and nothing
// else, with 64-bit numbers as decimal strings and addresses as hexadecimal ones.

import * as path from 'node:path';
import { SingleBar } from 'cli-progress';
import pc from 'picocolors';
import { printable, wrapped } from './text';

const PIECE_LENGTH = 64 << 10;

export interface Output {
  readonly json: boolean;
  /** Somebody is reading, and may type a next command. */
  readonly terminal: boolean;
  readonly width: number;
  readonly colors: ReturnType<typeof pc.createColors>;
  line(text?: string): void;
  /** One JSON document, in --json mode. */
  document(value: unknown): void;
  /** Likewise, with an array as its last field, an item a line: it may be longer than one string can be. */
  longDocument(head: object, field: string, items: Iterable<unknown>): void;
}

export function standardOutput(json: boolean): Output {
  // Not left undefined: picocolors would then decide for itself, and colours pipes where CI is set.
  const terminal = Boolean(process.stdout.isTTY);
  const colored = terminal && process.env['NO_COLOR'] === undefined;
  return {
    json,
    terminal: terminal && !json,
    width: columns(),
    colors: pc.createColors(colored && !json),
    line: (text = '') => void process.stdout.write(`${text}\n`),
    document: (value) => void process.stdout.write(`${toJson(value)}\n`),
    longDocument: (head, field, items) => {
      let pending = '';
      for (const piece of jsonPieces(head, field, items)) {
        pending += piece;
        if (pending.length < PIECE_LENGTH) continue;
        process.stdout.write(pending);
        pending = '';
      }
      process.stdout.write(pending);
    },
  };
}

/** In lines of the output's width; `lead`, its beginning, stands out. */
export function showSentence({ line, colors, width }: Output, sentence: string, lead = ''): void {
  line(colors.bold(lead) + wrapped(sentence, width, '  ').slice(lead.length));
}

/** What one may type next, on a terminal. */
export function hint({ terminal, line, colors }: Output, ...words: readonly string[]): void {
  if (terminal) line(colors.dim(`\u2192 afterimage ${words.map(asTyped).join(' ')}`));
}

/** Quoted, if a shell would take it apart. */
const asTyped = (word: string): string => (/^[\w./:=@%+,~-]+$/.test(word) ? word : `'${printable(word).replaceAll("'", "'\\''")}'`);

/** One mistake, for stderr; in a pipe or a log it is one line. */
export function complaint(message: string): string {
  const { isTTY, columns: width } = process.stderr;
  const text = `afterimage: ${message}`;
  return `${isTTY ? wrapped(text, width, '  ') : text}\n`;
}

/** As one would name it from here. */
export function pathFromHere(absolute: string): string {
  const relative = path.relative(process.cwd(), absolute);
  return relative === '' || relative.startsWith('../..') ? absolute : relative;
}

/** Not on a terminal there is no width to keep to, but a reader still likes lines that end. */
function columns(): number {
  const given = Number(process.env['COLUMNS']);
  const width = process.stdout.columns ?? (Number.isInteger(given) && given > 0 ? given : 120);
  return Math.max(60, width);
}

const toJson = (value: unknown): string => JSON.stringify(value, replaceBigint, 2);

function* jsonPieces(head: object, field: string, items: Iterable<unknown>): Generator<string> {
  yield `${toJson(head).slice(0, -2)},\n  ${JSON.stringify(field)}: [`;
  let first = true;
  for (const item of items) {
    yield `${first ? '' : ','}\n    ${JSON.stringify(item, replaceBigint)}`;
    first = false;
  }
  yield first ? ']\n}\n' : '\n  ]\n}\n';
}

const replaceBigint = (_key: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);

export interface Progress {
  update(position: number): void;
  stop(): void;
}

/** A bar on stderr; nothing when that is no terminal. */
export function progressBar(title: string, from: number, to: number, quiet: boolean): Progress {
  if (quiet || !process.stderr.isTTY || to <= from) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar({
    format: `${title} {bar} {value} of {total} events`,
    barCompleteChar: '\u2588',
    barIncompleteChar: '\u2591',
    barsize: 30,
    hideCursor: true,
    clearOnComplete: true,
    stream: process.stderr,
  });
  bar.start(to - from, 0);
  return { update: (position) => bar.update(Math.min(Math.max(position, from), to) - from), stop: () => bar.stop() };
}

/** For work whose end is not known: what is being done now, on one line of a terminal. */
export function spinner(title: string, quiet: boolean): { update(what: string): void; stop(): void } {
  if (quiet || !process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const clear = '\r\u001b[K';
  return {
    update: (what) => void process.stderr.write(`${clear}${title} ${what}`),
    stop: () => void process.stderr.write(clear),
  };
}
