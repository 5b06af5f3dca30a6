// Where files of a known build may be on this machine, whatever they are called. Nothing is fetched: debuginfod's cache is only read.
//
//     ~/.cache/afterimage/build-id/ab/cdef...    ours, for the files of other machines; cdef....debug: separate debug information
//     /usr/lib/debug/.build-id/ab/cdef...        of the distribution's packages
//     ~/.cache/debuginfod_client/abcdef.../      executable, debuginfo: what gdb and others have fetched

import * as fs from 'node:fs';
import * as path from 'node:path';
import { userCache } from '../gdb/debug-files';

const SYSTEM_STORE = '/usr/lib/debug/.build-id';

const ownStore = (): string => path.join(userCache(), 'afterimage/build-id');
const fetched = (): string => process.env['DEBUGINFOD_CACHE_PATH'] || path.join(userCache(), 'debuginfod_client');

export const storeNames = (): readonly string[] => [ownStore(), SYSTEM_STORE, fetched()];

const byPrefix = (store: string, buildId: string): string => `${store}/${buildId.slice(0, 2)}/${buildId.slice(2)}`;

/** The module itself; each may be missing, or wrong. */
export function storedModules(buildId: string): string[] {
  if (buildId === '') return [];
  return [byPrefix(ownStore(), buildId), byPrefix(SYSTEM_STORE, buildId), `${fetched()}/${buildId}/executable`];
}

/** Separate debug information. */
export function storedDebugFile(buildId: string): string | undefined {
  if (buildId === '') return undefined;
  const stored = [ownStore(), SYSTEM_STORE].map((store) => `${byPrefix(store, buildId)}.debug`);
  return [...stored, `${fetched()}/${buildId}/debuginfo`].find((file) => fs.existsSync(file));
}
