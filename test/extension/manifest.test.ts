// What package.json promises to VS Code, held against what is there.
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';

interface Contributed {
  command: string;
  icon?: string | { light: string; dark: string };
}

const root = path.resolve(__dirname, '../../..');
const { activationEvents, contributes } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
const commands = contributes.commands as Contributed[];

/** All source of the extension, in which the commands are registered. */
const source = fs
  .readdirSync(path.join(root, 'extension'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => fs.readFileSync(path.join(root, 'extension', name), 'utf8'))
  .join('\n');

describe('the manifest', () => {
  for (const { command, icon } of commands) {
    it(`${command} is registered`, () => assert.match(source, new RegExp(`'${command}'`)));

    for (const file of typeof icon === 'object' ? Object.values(icon) : []) {
      it(`${file} exists`, () => assert.ok(fs.existsSync(path.join(root, file))));
    }
  }

  it('menus name contributed commands only', () => {
    const known = new Set(commands.map(({ command }) => command));
    const used = (Object.values(contributes.menus) as Contributed[][]).flat().map(({ command }) => command);
    assert.deepEqual([...new Set(used)].filter((command) => !known.has(command)), []); // prettier-ignore
  });

  it('the extension is awake before a session starts: VS Code derives no such event for debuggers', () => {
    assert.ok(activationEvents.includes('onDebugResolve:afterimage'));
    assert.ok(activationEvents.includes('onDebugAdapterProtocolTracker:afterimage'));
  });

  it('breakpoints can be set in C++', () => {
    assert.deepEqual(contributes.breakpoints, [{ language: 'cpp' }, { language: 'c' }]);
  });
});
