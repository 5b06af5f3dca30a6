// kill -9 at a moment that is counted in events: the program notes in a file how many its reactor has begun
// (fixtures/programs/common/begun_counter.h).

import assert from 'node:assert/strict';
import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { setImmediate } from 'node:timers/promises';

/** How many events the reactor has begun, by its own account. */
export function begunEvents(file: string): number {
  if (!fs.existsSync(file)) return 0;
  const bytes = fs.readFileSync(file);
  return bytes.length < 8 ? 0 : Number(bytes.readBigUInt64LE());
}

/** Waits until so many events have begun, kills the process, and waits until it is gone. */
export async function killAfter(child: ChildProcess, begunFile: string, events: number): Promise<void> {
  const exit = once(child, 'exit');
  while (begunEvents(begunFile) < events && child.exitCode === null && child.signalCode === null) await setImmediate();
  child.kill('SIGKILL');
  const [, signal] = (await exit) as [number | null, NodeJS.Signals | null];
  assert.equal(signal, 'SIGKILL', 'the program ended before it was killed');
}
