// The table of commands: what each is called, takes, and is for. Help, shell completion and the manual page are made from it.

import { type Argument, Command, Help, Option } from 'commander';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { packageRoot } from '../package-root';
import { type Recording } from '../recording';
import { type CommonOptions } from './arguments';
import { checkCommand, type CheckOptions } from './check';
import { completion, SHELLS } from './completion';
import { diff, type DiffOptions } from './diff';
import { doctor, type DoctorOptions } from './doctor';
import { events, type EventsOptions } from './events';
import { ExitCode } from './exit-codes';
import { find, type FindOptions } from './find';
import { openGiven } from './given-recording';
import { history, type HistoryOptions } from './history';
import { importCommand, type ImportCommandOptions } from './import';
import { info, type InfoOptions } from './info';
import { firstWrite, lastWrite, type WriteOptions } from './last-write';
import { TEST_EXIT_CODES, test, type TestCommandOptions } from './test';
import { type Output, standardOutput } from './output';
import { pack, type PackCommandOptions } from './pack';
import { replay, type ReplayCommandOptions } from './replay';
import { reduce, type ReduceOptions } from './reduce';
import { recordingPath, snapshot, type SnapshotOptions } from './snapshot';
import { wrapped } from './text';
import { touched, type TouchedOptions } from './touched';
import { unpack, type UnpackOptions } from './unpack';
import { usageError } from './usage-errors';
import { verify, type VerifyOptions } from './verify';
import { WHAT_IF_EXIT_CODES, whatIf, type WhatIfOptions } from './what-if';

export const EXIT_CODES = [
  [ExitCode.ok, 'done'],
  [ExitCode.negative, 'done, but the answer is negative: a replay differs, a check fails, ...'],
  [ExitCode.userError, 'a mistake that the message explains: a wrong path, another build, ...'],
  [ExitCode.partial, 'with --strict: the recording is damaged or incomplete'],
] as const;

export const ABOUT_RECORDINGS =
  'A recording is a directory named *.afterimage, a directory that holds just one, or a file made by afterimage pack ' +
  '(it is unpacked into ~/.cache/afterimage).';

const GROUP = {
  adopt: 'Before you record:',
  get: 'Get a recording:',
  look: 'Look at it:',
  replay: 'Replay it, and ask:',
  suppose: 'Ask what would have been:',
  keep: 'Keep it, send it:',
  machine: 'This machine:',
};

const AFTER_HELP = `
Exit codes:
${EXIT_CODES.map(([code, meaning]) => `  ${code}  ${meaning}`).join('\n')}

${wrapped(ABOUT_RECORDINGS, 80, '')}

afterimage COMMAND --help has examples.`;

type Handler<O> = (recording: Recording, options: O, output: Output) => ExitCode | Promise<ExitCode>;

const examplesOf = new WeakMap<Command, readonly string[]>();

/** As typed, without the name of the program. */
export const examples = (command: Command): readonly string[] => examplesOf.get(command) ?? [];

export function buildProgram(): Command {
  const program = new Command('afterimage')
    .description('Looks into recordings of C++ (Re)Actors and replays them.')
    .configureHelp({
      helpWidth: Math.min(100, process.stdout.columns ?? 80),
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(placeholder)].join(' '),
      commandDescription: (command) => capitalized(command.description()),
      visibleOptions: (command) => new Help().visibleOptions(command).sort((a, b) => commonness(a) - commonness(b)),
    })
    .version(version(), '--version', 'say which version this is')
    .addHelpText('after', AFTER_HELP)
    .showHelpAfterError('(afterimage --help lists everything)')
    .configureOutput({ outputError: (message, write) => write(usageError(program, message)) })
    .exitOverride();
  addChecking(program);
  addGetting(program);
  addLooking(program);
  addReplaying(program);
  addQuestions(program);
  addSuppositions(program);
  addKeeping(program);
  addMachine(program);
  return program.helpCommand(false);
}

function addChecking(program: Command): void {
  described(program, GROUP.adopt, 'check', 'runs a program, lists what would make a replay unfaithful', [
    'check -- build/orders 8080',
    'check --suppress known.txt -- build/orders-test',
    'check --json -- build/orders-test',
  ])
    .argument('<program>', 'a program that is linked with libafterimage.so; after -- it may have options')
    .argument('[arguments...]', 'what it is given')
    .addOption(new Option('--suppress <file>', 'a file of findings that are known, one a line; may be repeated').argParser(repeated))
    .addOption(gdb())
    .addOption(json())
    .action(async (file: string, args: readonly string[], options: CheckOptions & CommonOptions) => {
      process.exitCode = await checkCommand(file, args, options, standardOutput(options.json === true));
    });
}

function addGetting(program: Command): void {
  described(program, GROUP.get, 'import', 'makes a recording of a core dump, as far as it goes', [
    'import core.4711',
    'import --latest',
    'import core.zst --exe bin/orders --path-map /app=build',
  ])
    .argument('[core]', 'an ELF core (also .zst .lz4 .xz .gz) or a minidump')
    .option('--latest', 'the newest core dump of this machine')
    .option('--exe <path>', 'the executable that dumped it, if it has moved')
    .addOption(sysroot())
    .addOption(pathMap())
    .option('--recording <directory>', 'its recording, if it has moved, or a directory of recordings')
    .option('-o, --output <directory>', 'the recording to write (*.afterimage)')
    .option('--no-compare', 'do not replay it to compare with the core')
    .option('--summary', 'say what is there, write nothing')
    .addOption(json())
    .action(async (core: string | undefined, options: ImportCommandOptions & CommonOptions) => {
      process.exitCode = await importCommand(core, options, standardOutput(options.json === true));
    });

  described(program, GROUP.get, 'snapshot', 'asks a running program for a snapshot of its reactors', [
    'snapshot 4711',
    'snapshot --reactor board 4711',
  ])
    .argument('<process>', 'process id, or the recording (a directory)')
    .option('--reactor <name>', 'name or number of the reactor (default: all)')
    .option('--wait <seconds>', 'how long to wait for the next event', '10')
    .addOption(json())
    .action((which: string, options: SnapshotOptions & CommonOptions) => run<SnapshotOptions>(snapshot)(recordingPath(which), options));
}

function addLooking(program: Command): void {
  onRecording(program, GROUP.look, 'info', 'what a recording is and how its process ended', [
    'info recordings/orders-20261122-150702-4711.afterimage',
    'info --json REC | jq .crash',
  ])
    .option('--verify', 'read everything and compare checksums')
    .action(run<InfoOptions>(info));

  onRecording(program, GROUP.look, 'events', 'the events of a reactor, by default the last ones', [
    'events REC',
    'events --from -100 --count 5 REC',
    'events --type Order --typed REC',
    'events --all REC',
  ])
    .addOption(reactor())
    .option('--all', 'of all reactors, in the order of time: no event comes before the one that sent it')
    .option('--from <event>', 'the first event; -100: 100 before the end')
    .option('--count <number>', 'how many events', '20')
    .option('--type <type>', 'only events of this C++ type')
    .option('--typed', 'show payloads as C++ values (needs gdb and the executable)')
    .addOption(executable())
    .addOption(sysroot())
    .addOption(pathMap())
    .addOption(gdb())
    .action(run<EventsOptions>(events));
}

function addReplaying(program: Command): void {
  onRecording(program, GROUP.replay, 'replay', 'runs the events again and compares', ['replay REC', 'replay --to 1000 --show-output REC'])
    .option('--to <position>', 'how far (default: to the end, or into the crash)')
    .addOption(reactor())
    .addOption(executable())
    .addOption(sysroot())
    .addOption(pathMap())
    .addOption(force())
    .option('--show-output', 'show what the program prints meanwhile')
    .action(run<ReplayCommandOptions>(replay));

  onRecording(program, GROUP.replay, 'verify', 'replays every reactor, compares memory and checksums', ['verify REC', 'verify --json REC'])
    .addOption(executable())
    .addOption(sysroot())
    .addOption(pathMap())
    .addOption(gdb())
    .addOption(force())
    .action(run<VerifyOptions>(verify));

  onRecording(program, GROUP.replay, 'test', 'runs another build on the recorded events, compares its outputs', [
    'test --exe build/orders REC',
    'test --exe build/orders --json REC | jq .passed',
  ])
    .requiredOption('--exe <path>', 'the build to test, linked with libafterimage.so')
    .option('--only <reactor>', 'test only this reactor, by name or number')
    .option('--show-output', 'show what the program prints meanwhile')
    .addOption(executable())
    .addOption(gdb())
    .option('--force', 'deliver events whose members have changed places, too')
    .addHelpText('after', TEST_EXIT_CODES)
    .action(run<TestCommandOptions>(test));
}

function addQuestions(program: Command): void {
  writes(program, 'last-write', 'the event that last changed a piece of memory', [
    'last-write --expression total_ REC',
    'last-write --address 0x400000001040 --before 5000 REC',
  ]).action(run<WriteOptions>(lastWrite));
  writes(program, 'first-write', 'the event that first changed a piece of memory', ['first-write --expression total_ REC']).action(
    run<WriteOptions>(firstWrite),
  );

  asking(program, 'find', 'the first event after which a C++ expression is true', [
    'find --expression "total_ < 0" REC',
    'find --expression "open_orders_ > 1000" --all REC',
  ])
    .option('--all', 'all such events')
    .option('--count <number>', 'at most so many')
    .action(run<FindOptions>(find));

  asking(program, 'history', 'how the value of a C++ expression changed', ['history --expression total_ --from 5000 REC'])
    .option('--count <number>', 'at most so many changes', '1000')
    .action(run<HistoryOptions>(history));

  question(program, 'touched', 'who allocated and freed the memory at an address, and when', ['touched --address 0x400000001040 REC'])
    .requiredOption('--address <hex>', 'where')
    .addOption(gdb())
    .action(run<TouchedOptions>(touched));

  question(program, 'diff', 'heap blocks that two positions do not have in common', ['diff --from 1000 --to 2000 REC'])
    .option('--limit <number>', 'how many blocks to show of each kind', '20')
    .addOption(gdb())
    .action(run<DiffOptions>(diff));
}

function addSuppositions(program: Command): void {
  onRecording(program, GROUP.suppose, 'what-if', 'whether it would have crashed without some events, or with others', [
    'what-if --without 515377 REC',
    'what-if --without 100-120 --without 200 REC',
    'what-if --set "515377:delay_minutes=-89" REC',
  ])
    .addOption(new Option('--without <event>', 'an event that did not come, or FIRST-LAST; may be repeated').argParser(repeated))
    .addOption(new Option('--set <event:member=value>', 'what an event brought instead; may be repeated').argParser(repeated))
    .addOption(reactor())
    .addOption(executable())
    .addOption(gdb())
    .addOption(force())
    .addHelpText('after', WHAT_IF_EXIT_CODES)
    .action(run<WhatIfOptions>(whatIf));

  onRecording(program, GROUP.suppose, 'reduce', 'the fewest events that end in the same crash (delta debugging)', [
    'reduce REC',
    'reduce --expression "total_ < 0" REC',
  ])
    .option('--expression <c++>', 'instead of the crash: the fewest after which this is true')
    .option('--seconds <number>', 'how long to search', '120')
    .addOption(reactor())
    .addOption(executable())
    .addOption(gdb())
    .addOption(force())
    .action(run<ReduceOptions>(reduce));
}

function addKeeping(program: Command): void {
  onRecording(program, GROUP.keep, 'pack', 'makes one file of a recording', [
    'pack REC',
    'pack --modules -o crash.mcap REC',
    'pack --redact rules.json --encrypt age1... REC',
  ])
    .option('-o, --output <file>', 'the file (default: named like the recording, here)')
    .option('--modules', 'take executable, libraries and debug information along')
    .option('--redact <rules>', 'overwrite payloads as a JSON file says')
    .option('--keep-snapshots', 'with --redact: take the snapshots along, though they hold memory')
    .addOption(new Option('--encrypt <recipient>', 'encrypt for an age recipient (age1...); may be repeated').argParser(repeated))
    .option('--passphrase-file <file>', 'encrypt with a passphrase, the first line of a file')
    .addOption(executable())
    .addOption(sysroot())
    .addOption(pathMap())
    .addOption(gdb())
    .option('--force', 'replace the file if it exists')
    .action(run<PackCommandOptions>(pack));

  described(program, GROUP.keep, 'unpack', 'makes a directory of a packed recording', [
    'unpack crash.mcap',
    'unpack --identity key.txt -o /tmp/crash.afterimage crash.mcap.age',
  ])
    .argument('<file>', 'the packed recording')
    .option('-o, --output <directory>', 'the directory (default: named as it was, here)')
    .option('--identity <file>', 'decrypt with the age identities in a file')
    .option('--passphrase-file <file>', 'decrypt with a passphrase, the first line of a file')
    .option('--force', 'replace the directory if it exists')
    .addOption(json())
    .addOption(strict())
    .action(async (file: string, options: UnpackOptions & CommonOptions) => {
      process.exitCode = await unpack(file, options, standardOutput(options.json === true));
    });
}

function addMachine(program: Command): void {
  described(program, GROUP.machine, 'doctor', 'what this machine can record and replay', ['doctor', 'doctor --json'])
    .addOption(gdb())
    .addOption(json())
    .action(async (options: DoctorOptions & CommonOptions) => {
      process.exitCode = await doctor(options, standardOutput(options.json === true));
    });

  described(program, GROUP.machine, 'completion', 'completes commands and options in a shell', [
    'completion bash >> ~/.bashrc',
    'completion fish | source',
  ])
    .argument('<shell>', SHELLS.join(', '))
    .action((shell: string) => void process.stdout.write(completion(program, shell)));
}

// ---- what commands have in common

const placeholder = (argument: Argument): string => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`);

const capitalized = (sentence: string): string => `${sentence.charAt(0).toUpperCase()}${sentence.slice(1).replace(/\.$/, '')}.`;

export const version = (): string =>
  (JSON.parse(fs.readFileSync(path.join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version;

/** What is a command's own comes first in its help; then what others have, too, always in this order. */
const COMMON = ['--from', '--to', '--reactor', '--program', '--sysroot', '--path-map', '--gdb', '--force', '--json', '--strict', '--help'];
const commonness = ({ long }: Option): number => COMMON.indexOf(long ?? '');

/** A question about an expression, asked after each of a range of events. */
function asking(program: Command, name: string, description: string, lines: readonly string[]): Command {
  return question(program, name, description, lines)
    .requiredOption('--expression <c++>', 'over the members of the reactor and the event, as in react()')
    .addOption(gdb());
}

/** A question about a range of events, answered by replaying them. */
function question(program: Command, name: string, description: string, lines: readonly string[]): Command {
  return onRecording(program, GROUP.replay, name, description, lines)
    .option('--from <event>', 'the first event to look at (default: the first that can be replayed)')
    .option('--to <event>', 'the event to end before (default: the crash, or the end)')
    .addOption(reactor())
    .addOption(executable())
    .addOption(sysroot())
    .addOption(pathMap())
    .addOption(force());
}

function writes(program: Command, name: string, description: string, lines: readonly string[]): Command {
  return onRecording(program, GROUP.replay, name, description, lines)
    .option('--expression <c++>', 'what is stored there, as in react()')
    .option('--address <hex>', 'where')
    .option('--bytes <number>', 'how many bytes, with --address (default: 8)')
    .option('--before <event>', 'look only at events before this one (default: the crash, or the end)')
    .addOption(reactor())
    .addOption(executable())
    .addOption(sysroot())
    .addOption(pathMap())
    .addOption(gdb())
    .addOption(force());
}

function onRecording(program: Command, group: string, name: string, description: string, lines: readonly string[]): Command {
  return described(program, group, name, description, lines)
    .argument('<recording>', 'the recording: a directory, or a packed file')
    .addOption(json())
    .addOption(strict());
}

function described(program: Command, group: string, name: string, description: string, lines: readonly string[]): Command {
  const advice = `(afterimage ${name} --help has examples)`;
  const command = program.command(name).description(description).helpGroup(group).showHelpAfterError(advice);
  command.configureOutput({ outputError: (message, write) => write(usageError(command, message)) });
  examplesOf.set(command, lines);
  return command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  afterimage ${line}`).join('\n')}`);
}

const json = () => new Option('--json', 'write JSON');
const strict = () => new Option('--strict', `exit with ${ExitCode.partial} when the recording is damaged or incomplete`);
const reactor = () => new Option('--reactor <name>', 'name or number of the reactor (default: the one that crashed)');
const executable = () => new Option('--program <path>', 'the executable that made the recording');
const sysroot = () => new Option('--sysroot <directory>', 'where the files of its machine or container are');
const pathMap = () => new Option('--path-map <from=to>', 'what was FROM there is TO here; may be repeated').argParser(repeated);
const gdb = () => new Option('--gdb <path>', 'the gdb to use').default('gdb');
const force = () => new Option('--force', 'go on although a library is another build than the recorded one');
const repeated = (value: string, before: readonly string[] | undefined): string[] => [...(before ?? []), value];

/** Opens the recording, runs the command, and turns its end into the exit code. */
function run<O>(handler: Handler<O>) {
  return async (given: string, options: O & CommonOptions): Promise<void> => {
    const output = standardOutput(options.json === true);
    const recording = openGiven(given, options);
    const code = await handler(recording, options, output);
    const partial = code === ExitCode.ok && options.strict === true && recording.problems.length > 0;
    process.exitCode = partial ? ExitCode.partial : code;
    recording.close();
  };
}
