// What the user is told when an import is not possible at all. What is merely missing is a sentence in the import itself.

import { grouped, UserError } from '../recording';

export const notACore = (path: string, why: string) =>
  new UserError(
    'not-a-core',
    `${path} is not a core dump: ${why}. Give an ELF core of the kernel or of gcore, compressed or not, or a minidump.`,
  );

export const otherMachineCore = (path: string) =>
  new UserError('other-machine', `${path} is a core dump of another kind of machine; this version reads x86-64 only.`);

export const cutOffBeforeNotes = (path: string, bytes: number) =>
  new UserError(
    'core-cut-off',
    `${path} is cut off after ${grouped(bytes)} bytes, inside its headers: nothing can be read from it. Copy it again, or raise the limit that cut it (ulimit -c, ExternalSizeMax= of systemd-coredump).`,
  );

export const isASnapshot = (path: string) =>
  new UserError('is-a-snapshot', `${path} is a snapshot inside a recording. Open the recording's directory (*.afterimage) instead.`);

export const otherRecording = (recording: string, found: string, wanted: string) =>
  new UserError(
    'other-recording',
    `${recording} is recording ${found}, but the core is of recording ${wanted}. Give the recording of the same run with --recording.`,
  );

export const recordingOfOtherProcess = (recording: string, why: string) =>
  new UserError('other-recording', `${recording} is not of the process that dumped this core: ${why}. Give the recording of the same run.`);

export const noRecordingIn = (directory: string, what: string) =>
  new UserError('no-such-recording', `--recording ${directory} holds no recording ${what}. Give the *.afterimage directory of the run.`);

export const outputExists = (path: string) =>
  new UserError('output-exists', `${path} exists already. Choose another name with -o, or remove it.`);

export const outputName = (path: string) =>
  new UserError('output-name', `-o ${path}: the name of a recording must end with .afterimage, so that it is recognised as one.`);

export const cannotWrite = (path: string, reason: string) =>
  new UserError('cannot-write', `${path} cannot be written: ${reason}. Choose another place with -o.`);

export const decompressorMissing = (format: string, tool: string, aptPackage: string) =>
  new UserError(
    'decompressor-missing',
    `The core is compressed with ${format}, and the program "${tool}" is not installed. On Debian or Ubuntu: sudo apt-get install ${aptPackage}.`,
  );

export const damagedCompression = (path: string, words: string) =>
  new UserError('damaged-compression', `${path} cannot be decompressed: ${words}. Nothing of it could be used; copy it again.`);

export const noCoreFound = (where: string) =>
  new UserError('no-core-found', `No core dump was found: ${where}. Give its path: afterimage import CORE.`);

export const damagedMinidump = (path: string, what: string) =>
  new UserError('damaged-minidump', `${path} is a damaged minidump: ${what}. Copy it again from where it was made.`);

export const isCompressed = (path: string, format: string) =>
  new UserError('is-compressed', `${path} is compressed with ${format}; import it without --summary, which unpacks it.`);
