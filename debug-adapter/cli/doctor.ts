// afterimage doctor: what this machine can record and replay, and how to mend the rest.

import { type Check, examine } from './checks';
import { ExitCode } from './exit-codes';
import { lookAtMachine } from './machine';
import { type Output } from './output';
import { printable, wrapped } from './text';
import { counted } from '../recording';

export interface DoctorOptions {
  readonly gdb: string;
}

const INDENT = ' '.repeat(14);

export async function doctor(options: DoctorOptions, output: Output): Promise<ExitCode> {
  const checks = examine(await lookAtMachine(options.gdb));
  const count = (status: Check['status']) => checks.filter((check) => check.status === status).length;
  const [failures, warnings] = [count('fail'), count('warn')];
  if (output.json) output.document({ ok: failures === 0, failures, warnings, checks });
  else {
    for (const check of checks) show(check, output);
    output.line();
    output.line(verdict(failures, warnings, output));
  }
  return failures === 0 ? ExitCode.ok : ExitCode.negative;
}

function show({ name, status, sentence, fix }: Check, { colors: c, line, width }: Output): void {
  const mark = { ok: c.green('\u2713'), warn: c.yellow('!'), fail: c.red('\u2717') }[status];
  line(`${mark} ${name.padEnd(12)}${wrapped(printable(sentence), width, INDENT)}`);
  if (fix !== undefined) line(`${INDENT}${c.bold(wrapped(fix, width, INDENT))}`);
}

function verdict(failures: number, warnings: number, { colors: c }: Output): string {
  if (failures > 0) return c.red(`${counted(failures, 'thing')} to mend before this machine can record and replay.`);
  if (warnings > 0) return c.green(`This machine can record and replay; ${counted(warnings, 'thing')} could be better.`);
  return c.green('This machine can record and replay.');
}
