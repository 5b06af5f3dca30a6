// afterimage pack: a recording as one file, to be sent, kept, or opened with MCAP tools.

import * as fs from 'node:fs';
import * as path from 'node:path';
import {
  fieldQuestions, fieldRanges, type Locks, modulesOf, type ModuleList, packToFile, readPassphrase, readRules, Redaction,
} from '../pack'; // prettier-ignore
import { type Recording } from '../recording';
import { findProgram } from '../replay/find-program';
import { oneLock } from './errors';
import { ExitCode } from './exit-codes';
import { hint, type Output, pathFromHere, spinner } from './output';
import { byteSize, printable, wrapped } from './text';

export interface PackCommandOptions {
  readonly output?: string;
  readonly modules?: boolean;
  readonly redact?: string;
  readonly keepSnapshots?: boolean;
  readonly encrypt?: readonly string[];
  readonly passphraseFile?: string;
  readonly program?: string;
  readonly gdb: string;
  readonly force?: boolean;
}

const NO_MODULES: ModuleList = { modules: [], problems: [] };

export async function pack(recording: Recording, options: PackCommandOptions, output: Output): Promise<ExitCode> {
  const locks = locksOf(options);
  const redaction = await redactionOf(recording, options);
  const { modules, problems } = options.modules === true ? modulesOf(recording, findProgram(recording, options.program)) : NO_MODULES;
  const withSnapshots = redaction === undefined || options.keepSnapshots === true;
  const file = options.output ?? defaultName(recording, locks !== undefined);
  const progress = spinner('packing', output.json);
  const force = options.force === true;
  const bytes = await packToFile(recording, {
    output: file, force, locks, modules, redaction, withSnapshots, onProgress: (name) => progress.update(name),
  }).finally(() => progress.stop()); // prettier-ignore
  const report = {
    file: path.resolve(file),
    bytes,
    bundleBytes: bytesIn(recording.directory),
    modules: modules.length,
    encrypted: locks !== undefined,
    redaction: redaction?.description ?? null,
    snapshots: withSnapshots,
    live: recording.state === 'live',
    problems: [...recording.problems, ...problems],
  };
  if (output.json) output.document(report);
  else show(report, output);
  return ExitCode.ok;
}

type Report = {
  file: string; bytes: number; bundleBytes: number; modules: number; encrypted: boolean; redaction: object | null; snapshots: boolean; live: boolean; problems: string[];
}; // prettier-ignore

function show(report: Report, output: Output): void {
  const { colors: c, width } = output;
  const line = (text: string, color = (plain: string) => plain) => output.line(color(wrapped(text, width, '  ')));
  const file = pathFromHere(report.file);
  output.line(c.bold(printable(file)));
  const ratio = ((100 * report.bytes) / Math.max(1, report.bundleBytes)).toFixed(0);
  line(`${byteSize(report.bytes)}, ${ratio} % of the ${byteSize(report.bundleBytes)} on disk; readable by you only.`);
  if (report.modules > 0)
    line(
      `With ${report.modules} modules: it can be replayed where the program is not installed, if the dynamic linker (glibc) is the same build.`,
    );
  if (report.encrypted) line('Encrypted with age.');
  for (const note of redactionNotes(report)) line(note, c.yellow);
  if (report.live) line('The program goes on: what it has recorded up to now is in the file.');
  for (const problem of report.problems) line(`! ${printable(problem)}`, c.yellow);
  hint(output, 'info', file);
}

function redactionNotes(report: Report): string[] {
  if (report.redaction === null) return [];
  if (!report.snapshots)
    return [
      'Redacted. Snapshots are left out: they hold the memory of the program, with what the payloads brought into it. ' +
        'The events can be read, but not replayed. --keep-snapshots takes them along.',
    ];
  return [
    'Redacted, but with snapshots, as you asked: they hold the memory of the program, with what payloads brought into it before. ' +
      'A replay is not faithful from the first redacted event on.',
  ];
}

function locksOf({ encrypt = [], passphraseFile }: PackCommandOptions): Locks | undefined {
  if (encrypt.length > 0 && passphraseFile !== undefined) throw oneLock();
  if (passphraseFile !== undefined) return { passphrase: readPassphrase(passphraseFile) };
  return encrypt.length > 0 ? { recipients: encrypt } : undefined;
}

async function redactionOf(recording: Recording, options: PackCommandOptions): Promise<Redaction | undefined> {
  if (options.redact === undefined) return undefined;
  const rules = readRules(options.redact);
  const questions = fieldQuestions(rules);
  const ranges = questions.length === 0 ? [] : await fieldRanges(questions, findProgram(recording, options.program), options.gdb);
  return new Redaction(rules, ranges, recording);
}

const defaultName = (recording: Recording, encrypted: boolean): string =>
  `${path.basename(recording.directory).replace(/\.afterimage$/, '')}.mcap${encrypted ? '.age' : ''}`;

/** What the files take on disk: a live segment is preallocated, and empty at its end. */
function bytesIn(directory: string): number {
  const entries = fs.readdirSync(directory, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  return entries.reduce((sum, entry) => sum + fs.statSync(path.join(entry.parentPath, entry.name)).size, 0);
}
