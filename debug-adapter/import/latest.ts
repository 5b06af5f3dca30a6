// The newest core dump of this machine: systemd's, or the newest file that the kernel's core_pattern would have written.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { cannotWrite, noCoreFound } from './errors';

/** The path of the newest core. One that systemd keeps is taken out into `scratch`. */
export function latestCore(scratch: string, corePattern = readCorePattern()): string {
  if (corePattern.startsWith('|')) return corePattern.includes('systemd-coredump') ? fromSystemd(scratch) : handled(corePattern);
  return newestMatching(corePattern);
}

const readCorePattern = (): string => fs.readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();

function fromSystemd(scratch: string): string {
  const file = path.join(scratch, 'core');
  const { error, status, stderr } = spawnSync('coredumpctl', ['dump', '--output', file], { encoding: 'utf8' });
  if (error !== undefined) throw noCoreFound('systemd-coredump keeps the cores of this machine, but coredumpctl is not installed');
  if (status !== 0) throw noCoreFound(`coredumpctl says: ${stderr.trim().split('\n').at(-1) ?? `exit code ${status}`}`);
  if (!fs.existsSync(file)) throw cannotWrite(file, 'coredumpctl wrote nothing');
  return file;
}

/** Our own handler (scripts/core-pattern-handler) is told its directory in the pattern. */
function handled(pattern: string): string {
  const directory = pattern
    .slice(1)
    .split(/\s+/)
    .find((word, i) => i > 0 && word.startsWith('/'));
  if (directory === undefined)
    throw noCoreFound(`core_pattern hands cores to "${pattern.slice(1)}", which does not say where it puts them`);
  return newest(directory, () => true);
}

/** `%p` and the like may be anything; a pattern without a directory means the current one of the process. */
export function newestMatching(pattern: string): string {
  const directory = path.resolve(path.dirname(pattern));
  const expression = path.basename(pattern).split(/%./).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*'); // prettier-ignore
  const name = new RegExp(`^${expression}(\\.\\d+)?(\\.(zst|lz4|xz|gz))?$`);
  return newest(directory, (candidate) => name.test(candidate));
}

function newest(directory: string, matches: (name: string) => boolean): string {
  const names = fs.existsSync(directory) ? fs.readdirSync(directory).filter(matches) : [];
  const files = names.map((name) => path.join(directory, name)).flatMap((file) => {
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    return stat?.isFile() === true ? [{ file, time: stat.mtimeMs }] : [];
  }); // prettier-ignore
  const last = files.sort((a, b) => b.time - a.time)[0];
  if (last === undefined) throw noCoreFound(`${directory} has none (kernel.core_pattern; "ulimit -c" must not be 0)`);
  return last.file;
}
