// Where this package is installed. This file, compiled (out/debug-adapter/) or bundled (dist/debug-adapter/), is two folders
// below the root in every layout.

import * as path from 'node:path';

export const packageRoot = (): string => path.resolve(__dirname, '../..');
