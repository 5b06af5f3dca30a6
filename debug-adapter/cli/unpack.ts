// afterimage unpack: a packed recording becomes a directory again.

import * as fs from 'node:fs';
import { type Keys, readIdentities, readPassphrase, unpackFile } from '../pack';
import { notAPackedFile, oneLock } from './errors';
import { ExitCode } from './exit-codes';
import { hint, type Output, pathFromHere } from './output';
import { printable, wrapped } from './text';

export interface UnpackOptions {
  readonly output?: string;
  readonly identity?: string;
  readonly passphraseFile?: string;
  readonly force?: boolean;
  readonly strict?: boolean;
}

export async function unpack(packed: string, options: UnpackOptions, output: Output): Promise<ExitCode> {
  if (fs.statSync(packed, { throwIfNoEntry: false })?.isDirectory()) throw notAPackedFile(packed);
  const { directory, problems } = await unpackFile(packed, options.output, options.force === true, keysOf(options));
  if (output.json) output.document({ directory, problems });
  else {
    const bundle = pathFromHere(directory);
    output.line(output.colors.bold(printable(bundle)));
    for (const problem of problems) output.line(output.colors.yellow(`! ${wrapped(printable(problem), output.width, '  ')}`));
    hint(output, 'info', bundle);
  }
  return problems.length > 0 && options.strict === true ? ExitCode.partial : ExitCode.ok;
}

function keysOf({ identity, passphraseFile }: UnpackOptions): Keys | undefined {
  if (identity !== undefined && passphraseFile !== undefined) throw oneLock();
  if (passphraseFile !== undefined) return { passphrase: readPassphrase(passphraseFile) };
  return identity === undefined ? undefined : { identities: readIdentities(identity) };
}
