// What is shipped: the list of files in the .vsix, and nothing that only a developer needs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as path from 'node:path';

const root = path.resolve(__dirname, '../..');

function packagedFiles(): string[] {
  const vsce = path.join(root, 'node_modules/.bin/vsce');
  return execFileSync(vsce, ['ls', '--no-dependencies'], { cwd: root, encoding: 'utf8' }).trim().split('\n').sort();
}

describe('the package', function () {
  this.timeout(60_000);

  it('holds the bundles, the native parts, gdb scripts, pictures and documents, and nothing else', () => {
    const files = packagedFiles();
    const pictures = /^extension\/media\/[a-z-]+\.svg$/;
    const gdbScripts = /^debug-adapter\/gdb\/[a-z_-]+\.py$/;
    assert.ok(files.some((file) => pictures.test(file)));
    assert.ok(files.some((file) => gdbScripts.test(file)));
    assert.deepEqual(
      files.filter((file) => !pictures.test(file) && !gdbScripts.test(file)),
      [
        'CHANGELOG.md',
        'LICENSE',
        'README.md',
        'dist/debug-adapter/cli.js',
        'dist/debug-adapter/main.js',
        'dist/extension/extension.js',
        'dist/man/afterimage.1',
        'docs/images/vscode.png', // the README shows it
        'extension/media/timeline.css',
        'extension/media/timeline.js',
        'native/build/Release/afterimage-launch',
        'native/build/Release/afterimage.node',
        'package.json',
      ],
    );
  });
});
