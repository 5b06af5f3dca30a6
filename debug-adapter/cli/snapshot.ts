// afterimage snapshot: asks a running program for a snapshot of its reactors, and waits for them.

import { setTimeout } from 'node:timers/promises';
import { grouped, type ReactorInfo, readControl, type Recording, recordingOfProcess, requestSnapshot } from '../recording';
import { wholeNumber } from './arguments';
import { notRunning } from './errors';
import { ExitCode } from './exit-codes';
import { hint, type Output, pathFromHere } from './output';
import { printable } from './text';

const POLL_MS = 10;

export interface SnapshotOptions {
  readonly reactor?: string;
  readonly wait: string;
}

interface Outcome {
  readonly reactor: ReactorInfo;
  /** `undefined`: not yet. */
  readonly position: number | undefined;
}

/** What `afterimage snapshot` is given: a process id, or the recording itself. */
export const recordingPath = (processOrPath: string): string =>
  /^\d{1,10}$/.test(processOrPath) ? recordingOfProcess(Number(processOrPath)) : processOrPath;

export async function snapshot(recording: Recording, options: SnapshotOptions, output: Output): Promise<ExitCode> {
  const waitMs = 1000 * wholeNumber('--wait', options.wait, { example: '10' });
  if (recording.state !== 'live') throw notRunning(recording.manifest.pid, recording.state);
  const reactors = options.reactor === undefined ? recording.reactors : [recording.reactor(options.reactor)];
  const outcomes = await Promise.all(reactors.map((reactor) => takeSnapshot(recording, reactor, waitMs)));
  if (output.json) output.document({ reactors: outcomes.map(({ reactor, position }) => ({ id: reactor.id, position: position ?? null })) });
  else {
    for (const outcome of outcomes) output.line(sentence(outcome));
    hint(output, 'info', pathFromHere(recording.directory));
  }
  return outcomes.every(({ position }) => position !== undefined) ? ExitCode.ok : ExitCode.negative;
}

async function takeSnapshot({ directory }: Recording, reactor: ReactorInfo, waitMs: number): Promise<Outcome> {
  const progress = () => {
    const control = readControl(directory);
    return typeof control === 'string' ? undefined : control.reactor(reactor.id);
  };
  const before = progress();
  if (before?.state !== 'live') return { reactor, position: undefined };
  requestSnapshot(directory, reactor.id);
  for (const end = Date.now() + waitMs; ; await setTimeout(POLL_MS)) {
    const position = progress()?.snapshotPosition ?? 0;
    if (position >= before.finished) return { reactor, position };
    if (Date.now() >= end) return { reactor, position: undefined };
  }
}

function sentence({ reactor, position }: Outcome): string {
  const name = printable(reactor.name);
  return position === undefined
    ? `${name}: not yet. The snapshot follows the reactor's next event.`
    : `${name}: there is a snapshot at position ${grouped(position)}.`;
}
