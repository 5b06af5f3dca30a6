// What can go wrong between a recording and a replay of it.

import { type Recording, UserError } from '../recording';

const short = (buildId: string) => (buildId === '' ? 'without a build-id' : buildId.slice(0, 12));

export const noSuchProgram = (path: string) =>
  new UserError('no-such-program', `The program ${path} does not exist. Give the executable that made the recording.`);

export const programMissing = (recorded: string, buildId: string, stores: readonly string[]) =>
  new UserError(
    'program-missing',
    `The program that made the recording, ${recorded} (build ${short(buildId)}), is neither there nor beside the recording nor in the ` +
      `current directory, nor is its build in ${stores.slice(0, -1).join(', ')} or ${stores.at(-1)}. Give its path with --program (CLI) or "program" ` +
      `(launch.json), or say where its machine's files are with --sysroot or --path-map ("sysroot", "pathMap").`,
  );

export const otherBuild = (path: string, given: string, recorded: string) =>
  new UserError(
    'other-build',
    `${path} is build ${short(given)}, but the recording was made by build ${short(recorded)}. Give the very executable that was recorded, with --program (CLI) or "program" (launch.json).`,
  );

export const noSuchFile = (option: string, path: string) =>
  new UserError('no-such-file', `${option} ${path}: there is no such file. Check the path.`);

export const notAPathMap = (text: string) =>
  new UserError('not-a-path-map', `--path-map needs two paths, not "${text}"; for example --path-map /app=/srv/build.`);

export const notAnExecutable = (path: string) =>
  new UserError('not-an-executable', `${path} is not an executable for x86-64 Linux. Give the executable that made the recording.`);

export const notLinkedWithUs = (path: string) =>
  new UserError(
    'not-linked',
    `${path} is not linked with libafterimage.so, or does not find it, so it cannot replay. Build it with the recorder, and set ` +
      `LD_LIBRARY_PATH if need be.`,
  );

export const noExecutableRecorded = () =>
  new UserError('no-executable-recorded', 'The recording does not say which module was the executable, so it cannot be replayed.');

export const noSnapshot = (reactor: string, { problems, manifest }: Pick<Recording, 'problems' | 'manifest'>) =>
  new UserError(
    'no-snapshot',
    `The recording holds no usable snapshot of ${reactor}, so it cannot be replayed; its events can still be read.` +
      (manifest.redaction?.snapshots === false ? ' Snapshots were left out when it was redacted.' : '') +
      (problems[0] === undefined ? '' : ` ${problems[0]}`),
  );

export const lesserProcessor = (missing: readonly string[]) =>
  new UserError(
    'lesser-processor',
    `The recorded program used instructions that this machine's processor does not have (${missing.join(', ')}), so it may take other ways ` +
      `here, or none. Replay it on a machine like the recorded one, or with --force.`,
  );

export const stillRecording = (pid: number) =>
  new UserError(
    'still-recording',
    `Process ${pid} is still recording. Its events can be read now; what it has so far can be replayed after afterimage pack.`,
  );

export const launcherMissing = (path: string) =>
  new UserError('launcher-missing', `afterimage-launch is not at ${path}. Build it with "npm run build".`);

export const launchFailed = (sentence: string) => new UserError('launch-failed', sentence);

export const replayerEnded = (how: string, lastWords: string) =>
  new UserError('replayer-ended', `The replayer ended unexpectedly (${how}).${lastWords === '' ? '' : ` It said: ${lastWords}`}`);

export const replayerReported = (message: string) => new UserError('replayer-error', `The replayer reports: ${message}`);

export const notUnderstood = (line: string) =>
  new UserError(
    'report-not-understood',
    `The replayer reported what this version does not understand: ${line.slice(0, 200)}. Are program and tools of the same version?`,
  );

export const notOurLibrary = () =>
  new UserError(
    'other-library',
    'The libafterimage.so of the recorded program is of a version that this debugger does not know. Use the Afterimage that the program was built with.',
  );

export const coreMissing = (core: string, source: string) =>
  new UserError(
    'core-missing',
    `The core dump of this recording, ${core}, is gone (it was imported from ${source}). Import the core again.`,
  );

export const cannotOpenCore = (core: string, words: string) =>
  new UserError('core-not-opened', `gdb cannot open the core dump ${core}: ${words}. "afterimage info" shows what is known of it.`);

export const minidumpHasNoView = (source: string) =>
  new UserError(
    'minidump',
    `${source} is a minidump of another kind of machine, or without threads; "afterimage info" shows what is known of it. Import a core dump to look at stacks and variables.`,
  );
