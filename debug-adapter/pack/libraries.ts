// Libraries of a packed recording lie in modules/<build-id>/. The dynamic linker asks for names, so each gets a link under its
// name in modules/lib/; the launcher still compares build-ids, as for any library.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { readSoname, UserError } from '../recording';

export function linkLibraries(modules: string): void {
  if (!fs.existsSync(modules)) return;
  for (const id of fs.readdirSync(modules).filter((name) => /^[0-9a-f]+$/.test(name))) {
    for (const file of fs.readdirSync(`${modules}/${id}`)) link(modules, `${id}/${file}`);
  }
}

function link(modules: string, file: string): void {
  const name = soname(`${modules}/${file}`);
  if (name === undefined || path.basename(name) !== name || fs.existsSync(`${modules}/lib/${name}`)) return;
  fs.mkdirSync(`${modules}/lib`, { recursive: true, mode: 0o700 });
  fs.symlinkSync(`../${file}`, `${modules}/lib/${name}`);
}

function soname(file: string): string | undefined {
  try {
    return file.endsWith('.debug') ? undefined : readSoname(file);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
