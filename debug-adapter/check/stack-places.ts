// Which frames of a call stack a person wants to see.

import { type Place } from './issue';
import { type Names } from './names';

/** `commit_sleep` of `(anonymous namespace)::commit_sleep(Worker&, Parcel const&)`. */
export function shortFunction(name: string): string {
  const plain = name.replaceAll('(anonymous namespace)::', '').replace(/^.*<lambda\(.*$/, 'a lambda');
  let depth = 0;
  for (let i = 0; i < plain.length; i++) {
    if (plain[i] === '<') depth++;
    else if (plain[i] === '>') depth--;
    else if (plain[i] === '(' && depth === 0 && i > 0) return plain.slice(0, i).replace(/operator$/, 'operator()');
  }
  return plain;
}

/** As the C library's manual calls it. */
const libraryName = (name: string): string => shortFunction(name).replace(/^.*::real_/, '').replace(/^_+(GI_+)?/, '').replace(/<.*/, ''); // prettier-ignore

function placeOf(address: bigint, names: Names): Place {
  const code = names.code(address);
  const module = (names.module(address)?.path ?? '').split('/').at(-1) ?? '';
  return { function: shortFunction(code?.function ?? ''), file: code?.users ? code.file : '', line: code?.users ? code.line : 0, module };
}

/** Index of the innermost frame that is the user's own code; without debug information, of the user's module. */
function usersFrame(frames: readonly bigint[], names: Names): number {
  const index = frames.findIndex((address) => names.code(address)?.users);
  return index >= 0 ? index : frames.findIndex((address) => names.module(address)?.program);
}

/** The user's place, and with `callers` so many of those who called it. */
export function usersPlaces(frames: readonly bigint[], names: Names, callers = 0): Place[] {
  const first = usersFrame(frames, names);
  if (first < 0) return frames.slice(0, 1).map((address) => placeOf(address, names));
  const rest = frames.slice(first + 1).filter((address) => names.code(address)?.users);
  return [frames[first] as bigint, ...rest.slice(0, callers)].map((address) => placeOf(address, names));
}

/** The library function that the user's code has called to get here; `undefined` when it has called ours, or none. */
export function calledFunction(frames: readonly bigint[], names: Names): string | undefined {
  const before = frames[usersFrame(frames, names) - 1];
  return before === undefined || names.module(before)?.recorder === true
    ? undefined
    : libraryName(names.code(before)?.function ?? '') || undefined;
}
