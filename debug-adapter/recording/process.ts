// Whether the process that made a recording still runs. A process id alone says little: it is given again, in containers
// even to the next start of the same program. So the process must also have begun before the recording did.

import * as fs from 'node:fs';
import * as os from 'node:os';
import { readBuildId } from './elf';
import { UserError } from './errors';
import { type Manifest } from './schemas';

const TICKS_PER_SECOND = 100n; // USER_HZ of every Linux
const CLOCK_SLACK_NS = 2_000_000_000n;

export function recorderRuns(manifest: Manifest): boolean {
  if (manifest.hostname !== os.hostname()) return false;
  const started = processStartNs(manifest.pid);
  if (started === undefined || started > manifest.startTimeNs + CLOCK_SLACK_NS) return false;
  return sameProgram(manifest);
}

/** When the process began, in nanoseconds since 1970; `undefined` when it is gone (a zombie is). */
function processStartNs(pid: number): bigint | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  // The name, in parentheses, may contain anything: the fields begin behind the last one.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  const [state, startTicks] = [fields[0], fields[19]];
  const boot = /^btime (\d+)$/m.exec(readText('/proc/stat') ?? '')?.[1];
  if (state === undefined || startTicks === undefined || boot === undefined || state === 'Z' || state === 'X') return undefined;
  return BigInt(boot) * 1_000_000_000n + (BigInt(startTicks) * 1_000_000_000n) / TICKS_PER_SECOND;
}

/** Another user's executable cannot be read; then the time has to do. */
function sameProgram(manifest: Manifest): boolean {
  const recorded = manifest.modules.find((module) => module.kind === 'exe')?.buildId ?? '';
  try {
    const running = readBuildId(`/proc/${manifest.pid}/exe`);
    return recorded === '' || running === recorded;
  } catch (error) {
    if (error instanceof UserError) return true;
    throw error;
  }
}

function readText(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
