// Packed recordings that are used without being unpacked first are unpacked once, into the user's cache, under the hash of their
// content. What was not used for two weeks goes.

import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { BoundedFile } from '../recording';
import { AGE_MAGIC } from './age';
import { piecesOf } from './compressed';
import { MAGIC } from './layout';
import { checkPacked, unpackRecording } from './unpack';

const KEPT_MS = 14 * 24 * 3600 * 1000;

/** Whether a path that was given for a recording is a packed one, or looks like one. */
export function isPackedFile(given: string): boolean {
  if (!fs.statSync(given, { throwIfNoEntry: false })?.isFile()) return false;
  const head = BoundedFile.with(given, (file) => file.read(0, AGE_MAGIC.length));
  return head.subarray(0, MAGIC.length).equals(MAGIC) || head.toString('latin1') === AGE_MAGIC;
}

/** The bundle. `onUnpack` is told when that takes a while: the first time. */
export function unpackToCache(packed: string, onUnpack: (directory: string) => void): string {
  checkPacked(packed);
  const cache = path.join(process.env['XDG_CACHE_HOME'] || `${os.homedir()}/.cache`, 'afterimage');
  const directory = path.join(cache, `${hashOf(packed)}.afterimage`);
  if (!fs.existsSync(directory)) {
    onUnpack(directory);
    unpackRecording(packed, directory, true);
  }
  fs.utimesSync(directory, new Date(), new Date());
  forgetOld(cache);
  return directory;
}

function hashOf(packed: string): string {
  return BoundedFile.with(packed, (file) => {
    const hash = createHash('sha256');
    for (const piece of piecesOf(file)) hash.update(piece);
    return hash.digest('hex').slice(0, 32);
  });
}

function forgetOld(cache: string): void {
  for (const name of fs.readdirSync(cache).filter((entry) => /^[0-9a-f]{32}\.afterimage/.test(entry))) {
    const stat = fs.statSync(`${cache}/${name}`, { throwIfNoEntry: false });
    if (stat !== undefined && Date.now() - stat.mtimeMs > KEPT_MS) fs.rmSync(`${cache}/${name}`, { recursive: true, force: true });
  }
}
