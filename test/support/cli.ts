// Runs the afterimage command as a user does: the bundle, in a process of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { root } from './fixture-programs';

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export async function afterimage(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<CliResult> {
  const env = { ...process.env, TZ: 'UTC', COLUMNS: '80', ...environment };
  const child = spawn(process.execPath, [`${root}/dist/debug-adapter/cli.js`, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const ended = once(child, 'close') as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}
