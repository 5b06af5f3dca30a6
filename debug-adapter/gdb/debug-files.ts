// Debug information in files of its own which gdb does not find by itself: links to them, by build-id, in the user's cache. Whoever knows a
// recording puts them there (replay/modules.ts); every gdb looks there, with a process or without.

import * as os from 'node:os';
import * as path from 'node:path';

export const userCache = (): string => process.env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache');

const linksDirectory = (): string => path.join(userCache(), 'afterimage/debug');

export const debugFileLink = (buildId: string): string => `${linksDirectory()}/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`;

/** A command of gdb; it looks where it would look by itself as well. */
export const lookForDebugFiles = (): string =>
  `python gdb.execute("set debug-file-directory " + gdb.parameter("debug-file-directory") + ${JSON.stringify(`:${linksDirectory()}`)})`;
