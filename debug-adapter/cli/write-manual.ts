// Run by scripts/man: writes the manual page to the file that is named.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { packageRoot } from '../package-root';
import { manualPage } from './manual';
import { buildProgram, version } from './program';

const file = process.argv[2] ?? path.join(packageRoot(), 'dist/man/afterimage.1');
fs.mkdirSync(path.dirname(file), { recursive: true });
fs.writeFileSync(file, manualPage(buildProgram(), version()));
