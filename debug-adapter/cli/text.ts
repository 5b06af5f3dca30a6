// Words and numbers for people: sizes, times, tables. Pure; colours are the caller's business.

import { grouped } from '../recording';

const NS_PER_SECOND = 1_000_000_000n;
const CONTROL_CHARACTERS = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** A name from a recording must not steer the terminal. */
export const printable = (text: string): string => text.replace(CONTROL_CHARACTERS, '\u00b7');

export function byteSize(bytes: number | bigint): string {
  let value = Number(bytes);
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function duration(ns: bigint | number): string {
  const value = Number(ns);
  if (value < 1_000) return `${value} ns`;
  if (value < 1_000_000) return `${(value / 1e3).toFixed(1)} \u00b5s`;
  if (value < 1_000_000_000) return `${(value / 1e6).toFixed(1)} ms`;
  if (value < 120e9) return `${(value / 1e9).toFixed(1)} s`;
  return value < 7200e9 ? `${Math.round(value / 60e9)} min` : `${(value / 3600e9).toFixed(1)} h`;
}

const two = (n: number) => String(n).padStart(2, '0');

/** Local time of day, with microseconds. */
export function timeOfDay(ns: bigint): string {
  const date = new Date(Number(ns / 1_000_000n));
  if (Number.isNaN(date.getTime())) return 'impossible time';
  const micros = String((ns % NS_PER_SECOND) / 1000n).padStart(6, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${micros}`;
}

export function dateAndTime(ns: bigint): string {
  const date = new Date(Number(ns / 1_000_000n));
  if (Number.isNaN(date.getTime())) return 'impossible time';
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${timeOfDay(ns).slice(0, 12)}`;
}

export const hexAddress = (address: bigint): string => `0x${address.toString(16)}`;

/** A list in a sentence, cut after a few. */
export const abridged = (items: readonly string[], most = 8): string =>
  items.slice(0, most).join(', ') + (items.length > most ? ` and ${grouped(items.length - most)} more` : '');

/** Cut to `width` characters, with an ellipsis for what is missing. */
export const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}\u2026`;

/** Words in lines of at most `width`, the later ones indented. */
export function wrapped(text: string, width: number, indent: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) as string;
    if (line !== '' && line.length + 1 + word.length > width - indent.length) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join(`\n${indent}`);
}

export interface TableColumn {
  readonly title: string;
  readonly right?: boolean;
  /** The column that gives way when the line is too long. */
  readonly elastic?: boolean;
}

/** The length of the longest text: for a million of them, too many for the arguments of Math.max. */
export const longest = (texts: readonly string[], least = 0): number => texts.reduce((most, text) => Math.max(most, text.length), least);

/** Lines of a table, title first, at most `width` wide if its elastic columns allow. */
export function table(columns: readonly TableColumn[], rows: readonly (readonly string[])[], width: number): string[] {
  const widths = columns.map((column, i) =>
    longest(
      rows.map((row) => row[i] ?? ''),
      column.title.length,
    ),
  );
  const all = widths.reduce((sum, w) => sum + w, 2 * (columns.length - 1));
  shrink(columns, widths, all - width);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => align(cut(cell, widths[i] ?? 0), widths[i] ?? 0, columns[i]?.right))
      .join('  ')
      .trimEnd();
  return [line(columns.map((column) => column.title)), ...rows.map(line)];
}

const align = (text: string, width: number, right: boolean | undefined) => (right ? text.padStart(width) : text.padEnd(width));

/** Takes what is too much from the elastic columns, the widest first. */
function shrink(columns: readonly TableColumn[], widths: number[], excess: number): void {
  const elastic = columns.flatMap((column, i) => (column.elastic ? [i] : []));
  for (let left = excess; left > 0; left--) {
    const widest = elastic.reduce((a, b) => ((widths[b] ?? 0) > (widths[a] ?? 0) ? b : a), elastic[0] ?? -1);
    if (widest < 0 || (widths[widest] ?? 0) <= 8) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}
