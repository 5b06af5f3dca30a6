// Which frames of a call stack a person wants to see, and what their functions are called.

import { type CodeNames } from './code-names';

export interface Place {
  /** Without parameters. */
  readonly function: string;
  /** Empty without debug information; then `module` is all that is known, without symbols with an offset. */
  readonly file: string;
  readonly line: number;
  readonly module: string;
}

/** `Board::react` of `Board::react(Flight const&) [clone .cold]`, `std::getline` of what has a return type before it. */
export function shortFunction(name: string): string {
  const plain = name.replaceAll('(anonymous namespace)::', '').replaceAll(/\[abi:\w+\]| \[clone [^\]]*\]/g, '');
  const lambda = /^(.*)::\{lambda\(/.exec(plain);
  if (lambda) return `a lambda in ${shortFunction(lambda[1] ?? '')}`;
  if (/^operator\(\)|<lambda\(/.test(plain)) return 'a lambda';
  return withoutReturnType(withoutParameters(plain.replace(/\)( (const|volatile)| ?&+)+$/, ')')));
}

function withoutParameters(name: string): string {
  if (!name.endsWith(')') || name.endsWith('operator()')) return name;
  let depth = 0;
  for (let i = name.length - 1; i > 0; i--) {
    depth += name[i] === ')' ? 1 : name[i] === '(' ? -1 : 0;
    if (depth === 0) return name.slice(0, i);
  }
  return name;
}

function withoutReturnType(name: string): string {
  const end = name.search(/\boperator\b/);
  let [depth, begin] = [0, 0];
  for (let i = 0; i < (end < 0 ? name.length : end); i++) {
    if ('<({'.includes(name[i] ?? '')) depth++;
    else if ('>)}'.includes(name[i] ?? '')) depth--;
    else if (name[i] === ' ' && depth === 0) begin = i + 1;
  }
  return name.slice(begin);
}

/** As the C library's manual calls it: without template arguments, and without what its authors put in front. */
function libraryName(name: string): string {
  let [short, before] = [
    shortFunction(name)
      .replace(/^.*::real_/, '')
      .replace(/^_+(GI_+)?/, ''),
    '',
  ];
  while (short !== before) [before, short] = [short, short.replace(/<[^<>]*>/g, '')];
  return short;
}

function placeOf(address: bigint, names: CodeNames): Place {
  const code = names.code(address);
  const module = names.module(address);
  const name = shortFunction(code?.function ?? '');
  const offset = name === '' ? `+0x${(address - (module?.bias ?? 0n)).toString(16)}` : '';
  const place = { function: name, module: `${module?.path.split('/').at(-1) ?? ''}${offset}` };
  return code?.users ? { ...place, file: code.file, line: code.line } : { ...place, file: '', line: 0 };
}

/** Index of the innermost frame that is the user's own code; without debug information, of the user's module. */
function usersFrame(frames: readonly bigint[], names: CodeNames): number {
  const index = frames.findIndex((address) => names.code(address)?.users);
  return index >= 0 ? index : frames.findIndex((address) => names.module(address)?.program);
}

/** The user's place, and with `callers` so many of those who called it. */
export function usersPlaces(frames: readonly bigint[], names: CodeNames, callers = 0): Place[] {
  const first = usersFrame(frames, names);
  if (first < 0) return frames.slice(0, 1).map((address) => placeOf(address, names));
  const rest = frames.slice(first + 1).filter((address) => names.code(address)?.users);
  return [frames[first] as bigint, ...rest.slice(0, callers)].map((address) => placeOf(address, names));
}

/** The user's places of a call stack, also those that were inlined; none where it has only libraries. */
export function usersStack(frames: readonly bigint[], names: CodeNames): Place[] {
  const first = usersFrame(frames, names);
  if (first < 0) return [];
  const own = frames.filter((address, i) => i === first || (i > first && names.code(address)?.users));
  return own.flatMap((address) => {
    const place = placeOf(address, names);
    const outer = (names.code(address)?.inlinedInto ?? []).map((line) => ({
      ...line,
      function: shortFunction(line.function),
      module: place.module,
    }));
    // The compiler cuts a function in two, and puts one part into the other.
    return [place, ...outer].filter((one, i, all) => i === 0 || one.function !== all[i - 1]?.function);
  });
}

/** The library function that the user's code has called to get here; `undefined` when it has called ours, or none. */
export function calledFunction(frames: readonly bigint[], names: CodeNames): string | undefined {
  const before = frames[usersFrame(frames, names) - 1];
  return before === undefined || names.module(before)?.recorder === true
    ? undefined
    : libraryName(names.code(before)?.function ?? '') || undefined;
}
