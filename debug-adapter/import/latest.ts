// The newest core dump of this machine: systemd's, or the newest file that the kernel's core_pattern would have written.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as z from 'zod';
import { cannotWrite, noCoreFound } from './errors';

/** What `coredumpctl list --json=short` says of a crash. */
const Listed = z.object({ time: z.number(), pid: z.int().positive(), corefile: z.string(), exe: z.string().nullish() });

/** The path of the newest core. One that systemd keeps is taken out into `scratch`. */
export function latestCore(scratch: string, corePattern = readCorePattern()): string {
  if (corePattern.startsWith('|')) return corePattern.includes('systemd-coredump') ? fromSystemd(scratch) : handled(corePattern);
  return newestMatching(corePattern);
}

const readCorePattern = (): string => fs.readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();

/** Not simply the newest crash: the journal also remembers those whose core was too large, or was cleaned up. */
function fromSystemd(scratch: string): string {
  const { pid } = newestKept(coredumpctl('list', '--json=short', '--no-pager'));
  const file = path.join(scratch, 'core');
  coredumpctl('dump', String(pid), '--output', file);
  if (!fs.existsSync(file)) throw cannotWrite(file, 'coredumpctl wrote nothing');
  return file;
}

function coredumpctl(...args: string[]): string {
  const { error, status, stdout, stderr } = spawnSync('coredumpctl', args, { encoding: 'utf8', maxBuffer: 64 << 20 });
  if (error !== undefined) throw noCoreFound('systemd-coredump keeps the cores of this machine, but coredumpctl is not installed');
  if (status !== 0) throw noCoreFound(`coredumpctl says: ${stderr.trim().split('\n').at(-1) || `exit code ${status}`}`);
  return stdout;
}

/** The newest crash in coredumpctl's list whose core is still there, if only in part. */
export function newestKept(list: string): z.infer<typeof Listed> {
  const crashes = parseList(list).sort((a, b) => b.time - a.time);
  const kept = crashes.find(({ corefile }) => corefile === 'present' || corefile === 'truncated');
  if (kept !== undefined) return kept;
  const [newest] = crashes;
  if (newest === undefined) throw noCoreFound('coredumpctl lists no crash');
  throw noCoreFound(
    `coredumpctl lists ${crashes.length} crashes, but no core is kept; that of ${newest.exe ?? 'the newest'} (process ${newest.pid}) is "${newest.corefile}" (Storage=, MaxUse= in coredump.conf)`,
  );
}

function parseList(list: string): z.infer<typeof Listed>[] {
  try {
    return z.array(Listed).parse(JSON.parse(list));
  } catch {
    throw noCoreFound(`coredumpctl's list is not understood (it begins with ${JSON.stringify(list.slice(0, 60))})`);
  }
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
