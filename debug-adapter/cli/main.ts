#!/usr/bin/env node
// The afterimage command: how each of its commands ends, an exit code, or one sentence on stderr. A stack trace is ours alone:
// AFTERIMAGE_DEBUG=1.

import { CommanderError } from 'commander';
import { UserError } from '../recording';
import { ExitCode } from './exit-codes';
import { complaint } from './output';
import { buildProgram } from './program';
import { printable } from './text';

function fail(error: unknown): void {
  process.exitCode = ExitCode.userError;
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.userError;
    return;
  }
  if (error instanceof UserError) return void process.stderr.write(complaint(printable(error.message)));
  process.stderr.write(complaint(`Internal error: ${printable(String(error))}. Please report it, with the output of AFTERIMAGE_DEBUG=1.`));
  if (process.env['AFTERIMAGE_DEBUG'] === '1' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
}

// `afterimage events REC | head` ends the pipe: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(ExitCode.ok);
  throw error;
});

buildProgram().parseAsync().catch(fail);
