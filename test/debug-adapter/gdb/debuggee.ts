/** Compiles a small program for a test and stands at a line of it, in a real gdb. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { insertBreakpoint } from '../../../debug-adapter/gdb/commands';
import { Gdb } from '../../../debug-adapter/gdb/gdb';

const root = path.resolve(__dirname, '../../../..');
const folder = path.join(root, 'build/test-gdb');

export const scripts = ['values.py', 'children.py', 'arrivals.py', 'breakpoints.py', 'trace.py', 'exit.py'].map((name) =>
  path.join(root, 'debug-adapter/gdb', name),
);
export const source = fs.realpathSync(path.join(root, 'test/debug-adapter/gdb/containers.cc'));

export function compile(): string {
  const program = path.join(folder, 'containers');
  fs.mkdirSync(folder, { recursive: true });
  if (fs.existsSync(program) && fs.statSync(program).mtimeMs > fs.statSync(source).mtimeMs) return program;
  execFileSync('g++', ['-std=c++20', '-O0', '-g', source, '-o', program], { stdio: 'inherit' });
  return program;
}

/** The number of the line that says `// line: NAME`. */
export function lineOf(name: string): number {
  const index = fs
    .readFileSync(source, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(`// line: ${name}`));
  if (index < 0) throw new Error(`${source} has no "// line: ${name}"`);
  return index + 1;
}

export async function startAt(name: string, programArguments: readonly string[] = []): Promise<Gdb> {
  const gdb = await Gdb.start({ gdb: 'gdb', scripts });
  await gdb.send(`-file-exec-and-symbols ${compile()}`);
  await gdb.send(`-exec-arguments ${programArguments.join(' ')}`);
  await insertBreakpoint(gdb, { at: { source, line: lineOf(name) } });
  await gdb.sendAndWaitForStop('-exec-run');
  return gdb;
}
