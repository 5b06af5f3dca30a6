// afterimage import: a core dump becomes a recording, as far as it goes.

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { examineSummary, importCore, type ImportOptions, latestCore } from '../import';
import { UserError } from '../recording';
import { ExitCode } from './exit-codes';
import { hint, type Output, pathFromHere } from './output';
import { printable, wrapped } from './text';

export interface ImportCommandOptions {
  readonly exe?: string;
  readonly sysroot?: string;
  readonly pathMap?: readonly string[];
  readonly recording?: string;
  readonly output?: string;
  readonly latest?: boolean;
  readonly summary?: boolean;
  readonly compare?: boolean;
}

export async function importCommand(given: string | undefined, options: ImportCommandOptions, output: Output): Promise<ExitCode> {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-latest-'));
  try {
    const core = given ?? (options.latest === true ? latestCore(scratch) : undefined);
    if (core === undefined)
      throw new UserError('which-core', 'Which core dump? Give its path, or --latest for the newest one of this machine.');
    return options.summary === true ? summarize(core, options, output) : await bring(core, options, output);
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

async function bring(core: string, options: ImportCommandOptions, output: Output): Promise<ExitCode> {
  const { colors: c } = output;
  const onStage = (sentence: string) => void (output.json || output.line(c.dim(wrapped(printable(sentence), output.width, '  '))));
  const imported = await importCore(core, { ...importOptions(options), onStage });
  if (output.json) output.document(imported);
  else showImported(imported, output);
  const differs = imported.fidelity.some(({ differentPages }) => differentPages > 0);
  return differs ? ExitCode.negative : ExitCode.ok;
}

function importOptions({ exe, sysroot, pathMap, recording, output, compare }: ImportCommandOptions): ImportOptions {
  const options = { exe, sysroot, pathMap, recording, output, compare };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as ImportOptions;
}

function showImported({ directory, level, sentences }: Awaited<ReturnType<typeof importCore>>, output: Output): void {
  const { colors: c, width } = output;
  const marks = { full: c.green('full recording'), events: c.yellow('last events only'), inspect: c.yellow('for inspection only') };
  const bundle = pathFromHere(directory);
  output.line(`${c.bold(printable(bundle))}  ${marks[level]}`);
  for (const sentence of sentences) output.line(`  ${wrapped(printable(sentence), width, '    ')}`);
  hint(output, level === 'full' ? 'replay' : 'info', bundle);
}

/** What an import would bring, without writing anything. */
function summarize(core: string, options: ImportCommandOptions, output: Output): ExitCode {
  const summary = examineSummary(core, importOptions(options));
  if (output.json) output.document(summary);
  else for (const sentence of summary.sentences) output.line(wrapped(printable(sentence), output.width, '  '));
  return ExitCode.ok;
}
