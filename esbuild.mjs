// The three things that are shipped. Each bundle lies two folders below the root, as out/<folder>/x.js does, so that one relative
// path to native/build/Release/ holds in tests, in the bundle, and in the installed extension.
import { build } from 'esbuild';

await build({
  entryPoints: [
    { in: 'extension/extension.ts', out: 'extension/extension' },
    { in: 'debug-adapter/main.ts', out: 'debug-adapter/main' },
    { in: 'debug-adapter/cli/main.ts', out: 'debug-adapter/cli' },
  ],
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minify: true,
  sourcemap: true,
  external: ['vscode'],
  logLevel: 'warning',
}).catch(() => process.exit(1)); // it has said why
