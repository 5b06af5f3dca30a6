// The recording that a command was given. A packed one is unpacked into the cache; people go on to know it by the name of its file.

import * as path from 'node:path';
import { isPackedFile, unpackToCache } from '../pack';
import { openRecording, type Recording } from '../recording';
import { pathFromHere } from './output';

const packedFiles = new WeakMap<Recording, string>();

export function openGiven(given: string, options: Parameters<typeof openRecording>[1]): Recording {
  if (!isPackedFile(given)) return openRecording(given, options);
  const recording = openRecording(unpackToCache(given, tellAboutCache), options);
  packedFiles.set(recording, path.resolve(given));
  return recording;
}

/** As one would name it from here. */
export const pathOf = (recording: Recording): string => pathFromHere(packedFiles.get(recording) ?? recording.directory);

const tellAboutCache = (directory: string) => void process.stderr.write(`Unpacking into ${directory}, once.\n`);
