#!/usr/bin/env node
// The afterimage command. One file a command; here only the table of commands and how each of them ends: an exit code, or one
// sentence on stderr. A stack trace is ours alone: AFTERIMAGE_DEBUG=1.

import { Command, CommanderError } from 'commander';
import { openRecording, type Recording, UserError } from '../recording';
import { type CommonOptions } from './arguments';
import { diff, type DiffOptions } from './diff';
import { events, type EventsOptions } from './events';
import { ExitCode } from './exit-codes';
import { find, type FindOptions } from './find';
import { history, type HistoryOptions } from './history';
import { importCommand, type ImportCommandOptions } from './import';
import { info, type InfoOptions } from './info';
import { firstWrite, lastWrite, type WriteOptions } from './last-write';
import { type Output, standardOutput } from './output';
import { replay, type ReplayCommandOptions } from './replay';
import { printable } from './text';
import { recordingPath, snapshot, type SnapshotOptions } from './snapshot';
import { touched, type TouchedOptions } from './touched';

const AFTER_HELP = `
Exit codes:
  0  done
  1  done, but the answer is negative: the replay differs, nothing was found
  2  a mistake that the message explains: a wrong path, another build, ...
  3  with --strict: the recording is damaged or incomplete

A recording is a directory named *.afterimage, or a directory that holds just one.`;

type Handler<O> = (recording: Recording, options: O, output: Output) => ExitCode | Promise<ExitCode>;

function buildProgram(): Command {
  const program = new Command('afterimage')
    .description('Looks into recordings of C++ (Re)Actors and replays them.')
    .addHelpText('after', AFTER_HELP)
    .showHelpAfterError('(afterimage --help lists everything)')
    .exitOverride();

  program
    .command('import')
    .description('makes a recording of a core dump, as far as it goes')
    .argument('[core]', 'an ELF core (also .zst .lz4 .xz .gz) or a minidump')
    .option('--latest', 'the newest core dump of this machine')
    .option('--exe <path>', 'the executable that dumped it, if it has moved')
    .option('--sysroot <directory>', 'where the files of its machine or container are')
    .option('--path-map <from=to>', 'what was FROM there is TO here; may be repeated', append)
    .option('--recording <directory>', 'its recording, if it has moved, or a directory of recordings')
    .option('-o, --output <directory>', 'the recording to write (*.afterimage)')
    .option('--no-compare', 'do not replay it to compare with the core')
    .option('--summary', 'say what is there, write nothing')
    .option('--json', 'write JSON')
    .action(async (core: string | undefined, options: ImportCommandOptions & CommonOptions) => {
      process.exitCode = await importCommand(core, options, standardOutput(options.json === true));
    });

  command(program, 'info', 'what a recording is and how its process ended')
    .option('--verify', 'read everything and compare checksums')
    .action(run<InfoOptions>(info));

  command(program, 'events', 'the events of a reactor, by default the last ones')
    .option('--reactor <name>', 'name or number of the reactor (default: the one that crashed)')
    .option('--from <number>', 'the first event; -100: 100 before the end')
    .option('--count <number>', 'how many events', '20')
    .option('--type <type>', 'only events of this C++ type')
    .option('--typed', 'show payloads as C++ values (needs gdb and the executable)')
    .option('--program <path>', 'the executable that made the recording')
    .option('--gdb <path>', 'the gdb to use', 'gdb')
    .action(run<EventsOptions>(events));

  command(program, 'replay', 'runs the events again and compares')
    .option('--to <position>', 'how far (default: to the end, or into the crash)')
    .option('--reactor <name>', 'name or number of the reactor (default: the one that crashed)')
    .option('--program <path>', 'the executable that made the recording')
    .option('--force', 'go on although a library is another build than the recorded one')
    .option('--show-output', 'show what the program prints meanwhile')
    .action(run<ReplayCommandOptions>(replay));

  writes(program, 'last-write', 'the event that last changed a piece of memory').action(run<WriteOptions>(lastWrite));
  writes(program, 'first-write', 'the event that first changed a piece of memory').action(run<WriteOptions>(firstWrite));

  program
    .command('snapshot')
    .description('asks a running program for a snapshot of its reactors')
    .argument('<process>', 'process id, or the recording (a directory)')
    .option('--reactor <name>', 'name or number of the reactor (default: all)')
    .option('--wait <seconds>', 'how long to wait for the next event', '10')
    .option('--json', 'write JSON')
    .action((which: string, options: SnapshotOptions & CommonOptions) => run<SnapshotOptions>(snapshot)(recordingPath(which), options));

  question(program, 'find', 'the first event after which a C++ expression is true')
    .requiredOption('--expression <c++>', 'over the members of the reactor and the event, as in react()')
    .option('--all', 'all such events')
    .option('--count <number>', 'at most so many')
    .option('--gdb <path>', 'the gdb that compiles the expression', 'gdb')
    .action(run<FindOptions>(find));

  question(program, 'history', 'how the value of a C++ expression changed')
    .requiredOption('--expression <c++>', 'over the members of the reactor and the event, as in react()')
    .option('--count <number>', 'at most so many changes', '1000')
    .option('--gdb <path>', 'the gdb that compiles the expression', 'gdb')
    .action(run<HistoryOptions>(history));

  question(program, 'touched', 'allocations and frees of the memory at an address')
    .requiredOption('--address <hex>', 'where')
    .action(run<TouchedOptions>(touched));

  question(program, 'diff', 'heap blocks that two positions do not have in common')
    .option('--limit <number>', 'how many blocks to show of each kind', '20')
    .option('--gdb <path>', 'the gdb that knows the classes', 'gdb')
    .action(run<DiffOptions>(diff));

  return program;
}

/** A question about a range of events, answered by replaying them. */
function question(program: Command, name: string, description: string): Command {
  return replaying(
    command(program, name, description)
      .option('--from <event>', 'the first event to look at (default: the first that can be replayed)')
      .option('--to <event>', 'the event to end before (default: the crash, or the end)'),
  );
}

function writes(program: Command, name: string, description: string): Command {
  return replaying(
    command(program, name, description)
      .option('--expression <c++>', 'what is stored there, as in react()')
      .option('--address <hex>', 'where')
      .option('--bytes <number>', 'how many bytes, with --address')
      .option('--before <event>', 'look only at events before this one (default: the crash, or the end)')
      .option('--gdb <path>', 'the gdb that compiles the expression', 'gdb'),
  );
}

const replaying = (command: Command): Command =>
  command
    .option('--reactor <name>', 'name or number of the reactor (default: the one that crashed)')
    .option('--program <path>', 'the executable that made the recording')
    .option('--force', 'go on although a library is another build than the recorded one');

const append = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

function command(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument('<recording>', 'the recording (a directory)')
    .option('--json', 'write JSON')
    .option('--strict', `exit with ${ExitCode.partial} when the recording is damaged or incomplete`);
}

/** Opens the recording, runs the command, and turns its end into the exit code. */
function run<O>(handler: Handler<O>) {
  return async (path: string, options: O & CommonOptions): Promise<void> => {
    const output = standardOutput(options.json === true);
    const recording = openRecording(path);
    const code = await handler(recording, options, output);
    const partial = code === ExitCode.ok && options.strict === true && recording.problems.length > 0;
    process.exitCode = partial ? ExitCode.partial : code;
    recording.close();
  };
}

function fail(error: unknown): void {
  process.exitCode = ExitCode.userError;
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.userError;
    return;
  }
  if (error instanceof UserError) return complain(printable(error.message));
  complain(`Internal error: ${printable(String(error))}. Please report it, with the output of AFTERIMAGE_DEBUG=1.`);
  if (process.env['AFTERIMAGE_DEBUG'] === '1' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
}

const complain = (message: string) => void process.stderr.write(`afterimage: ${message}\n`);

// `afterimage events REC | head` ends the pipe: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(ExitCode.ok);
  throw error;
});

buildProgram().parseAsync().catch(fail);
