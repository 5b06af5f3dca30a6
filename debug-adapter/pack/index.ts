// The face of packing: a recording into one file, and back.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { reasonOf, type Recording, UserError } from '../recording';
import { decryptFile, encryptingSink, isEncryptedFile, type Keys, type Locks } from './age';
import { hasMovedOn, needsKey, outputExists, outputNotWritable } from './errors';
import { type PackOptions, packRecording } from './pack';
import { PackedWriter, type Sink } from './packed-writer';
import { type Unpacked, unpackRecording } from './unpack';

export { type Keys, type Locks, readIdentities, readPassphrase } from './age';
export { isPackedFile, unpackToCache } from './cache';
export { fieldRanges } from './field-ranges';
export { type ModuleList, modulesOf } from './modules';
export { fieldQuestions, readRules, Redaction } from './redaction';
export { type Unpacked } from './unpack';

export interface PackToFile extends Omit<PackOptions, 'output'> {
  readonly output: string;
  readonly force: boolean;
  readonly locks: Locks | undefined;
}

/** The size of the file. It appears when it is complete, readable by its owner only. */
export async function packToFile(recording: Recording, options: PackToFile): Promise<number> {
  const output = path.resolve(options.output);
  if (fs.existsSync(output) && !options.force) throw outputExists(output);
  const directory = path.dirname(output);
  if (!fs.existsSync(directory)) throw outputNotWritable(output, `there is no directory ${directory}`);
  const unfinished = `${output}.${process.pid}.tmp`;
  try {
    await write(recording, unfinished, { ...options, output: unfinished });
    fs.renameSync(unfinished, output);
    return fs.statSync(output).size;
  } catch (error) {
    fs.rmSync(unfinished, { force: true });
    if (recording.state === 'live' && isMissing(error)) throw hasMovedOn(recording.manifest.pid);
    throw error instanceof UserError || !(error instanceof Error && 'syscall' in error)
      ? error
      : outputNotWritable(output, reasonOf(error));
  }
}

/** The oldest files of a ring go while it is packed. */
const isMissing = (error: unknown): boolean =>
  error instanceof UserError ? error.message.includes(reasonOf({ code: 'ENOENT' })) : (error as NodeJS.ErrnoException).code === 'ENOENT';

async function write(recording: Recording, file: string, options: PackToFile): Promise<void> {
  const descriptor = fs.openSync(file, 'wx', 0o600);
  if (options.locks === undefined) {
    await packRecording(recording, new PackedWriter(plainSink(descriptor)), options).finally(() => fs.closeSync(descriptor));
    return;
  }
  const sink = await encryptingSink(options.locks, fs.createWriteStream(file, { fd: descriptor }));
  await packRecording(recording, new PackedWriter(sink), options);
  await sink.end();
}

const plainSink = (descriptor: number): Sink => ({
  write: (bytes) => {
    for (let at = 0; at < bytes.length;) at += fs.writeSync(descriptor, bytes, at);
  },
});

/** Unpacks a file, decrypting it first if it is encrypted. */
export async function unpackFile(packed: string, directory: string | undefined, force: boolean, keys: Keys | undefined): Promise<Unpacked> {
  if (!fs.statSync(packed, { throwIfNoEntry: false })?.isFile() || !isEncryptedFile(packed))
    return unpackRecording(packed, directory, force);
  if (keys === undefined) throw needsKey(packed);
  const plain = path.join(path.dirname(path.resolve(directory ?? '.')), `.${path.basename(packed)}.${process.pid}.tmp`);
  await decryptFile(packed, plain, keys);
  try {
    return unpackRecording(plain, directory, force);
  } finally {
    fs.rmSync(plain, { force: true });
  }
}
