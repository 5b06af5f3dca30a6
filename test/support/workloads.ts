// The workloads: one program of many reactors, built in several ways (fixtures/programs/workloads).
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { openRecording, type ReactorInfo, type Recording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import { onlyRecordingIn, root, withDirectory } from './fixture-programs';

const directory = path.join(root, 'build/recorder/fixtures/workloads');

export const workloadProgram = (variant: string): string => path.join(directory, variant);
/** Clang is tried where there is one. */
export const variants = ['o2', 'o0', 'o3-native', 'no-pie', 'static-libstdc++', 'clang'].filter((name) =>
  fs.existsSync(workloadProgram(name)),
);

/** Not the same in all variants: not every compiler knows coroutines. */
export const workloadNames = (variant: string): string[] =>
  execFileSync(workloadProgram(variant), { encoding: 'utf8' }).trim().split('\n'); // prettier-ignore

export interface WorkloadRun {
  readonly variant?: string;
  readonly name: string;
  readonly seed?: number;
  readonly environment?: NodeJS.ProcessEnv;
}

/** Records a workload; the recording is gone after `use`. */
export function withWorkload<T>(run: WorkloadRun, use: (recording: Recording) => Promise<T>): Promise<T> {
  const { variant = 'o2', name, seed = 1, environment = {} } = run;
  return withDirectory(async (scratch) => {
    const args = [name, '--seed', String(seed), '--directory', scratch];
    const child = spawn(workloadProgram(variant), args, { stdio: 'ignore', env: { ...process.env, ...environment } });
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    assert.equal(code, 0, `${variant} ${name} ended with ${signal ?? `exit code ${code}`}`);
    const recording = openRecording(onlyRecordingIn(scratch));
    try {
      return await use(recording);
    } finally {
      recording.close();
    }
  });
}

/** Replays a reactor to the given positions, one after the other. */
export async function replayWorkload(recording: Recording, reactor: ReactorInfo, positions: readonly number[], force = false) {
  const program = recording.manifest.executable;
  const replayer = Replayer.start(recording, { reactor: reactor.id, program, force });
  try {
    await replayer.ready();
    for (const position of positions) {
      const stopped = await replayer.run(position);
      assert.ok(stopped.event === 'stopped' && stopped.reason === 'target', JSON.stringify(stopped));
      // Before an event that is nested in another one there is no stop: then it is behind the one around it.
      assert.ok(stopped.position >= position && stopped.position <= reactor.finished, `${position}: ${stopped.position}`);
    }
    return { divergences: replayer.divergences, warnings: replayer.warnings };
  } finally {
    replayer.kill();
  }
}
