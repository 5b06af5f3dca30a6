// The Debian packages: made, unpacked somewhere, and used by programs that know nothing of this tree. What they record with the
// library of the packages is replayed with the launcher of the packages.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterimage } from '../support/cli';
import { onlyRecordingIn, root } from '../support/fixture-programs';

const CRASHING_EVENT = 100; // fixtures/consumer/main.cc

describe('the Debian packages', function () {
  this.timeout(120_000);
  let scratch: string;
  let usr: string; // where they are unpacked
  let packages: string[];

  const run = (command: string, args: string[], env: NodeJS.ProcessEnv = {}) =>
    execFileSync(command, args, { cwd: scratch, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const field = (name: string, which: string) => run('dpkg-deb', ['--field', packageNamed(name), which]).trim();
  const packageNamed = (name: string) => packages.find((file) => path.basename(file).startsWith(`${name}_`))!;
  const unpacked = (name: string) => path.join(usr, 'lib', findBelow(path.join(usr, 'lib'), name));

  before(() => {
    scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-packages-'));
    run('cpack', ['--config', path.join(root, 'build/recorder/CPackConfig.cmake'), '-B', 'packages']);
    packages = fs.readdirSync(path.join(scratch, 'packages')).map((name) => path.join(scratch, 'packages', name)).filter((name) => name.endsWith('deb')); // prettier-ignore
    for (const file of packages) run('dpkg-deb', ['--extract', file, 'unpacked']);
    usr = path.join(scratch, 'unpacked/usr');
  });
  after(() => fs.rmSync(scratch, { recursive: true, force: true }));

  it('depend on what they need', () => {
    assert.match(field('libafterimage0', 'Depends'), /\blibc6 \(>= .*\blibstdc\+\+6 \(>= /);
    assert.ok(field('libafterimage-dev', 'Depends').startsWith(`libafterimage0 (= ${field('libafterimage0', 'Version')}), `));
  });

  it('hold the library, and beside it all that is needed to build with it', () => {
    const contents = (name: string) => run('dpkg-deb', ['--contents', packageNamed(name)]);
    assert.match(contents('libafterimage0'), /\/libafterimage\.so\.0 -> libafterimage\.so\.0\./);
    for (const file of [
      'afterimage/recorder.h',
      'afterimage/afterimage.h',
      'afterimage-config.cmake',
      'afterimage.pc',
      'afterimage-launch',
      'FORMAT.md',
    ])
      assert.ok(contents('libafterimage-dev').includes(file), `${file} is missing`);
  });

  const languages = [
    { language: 'CXX', compiler: ['g++', '-std=c++20'], source: 'main.cc' },
    { language: 'C', compiler: ['gcc', '-std=c11', '-pedantic'], source: 'main.c' },
  ] as const;

  for (const { language, compiler, source } of languages) {
    it(`are used from ${language} with find_package, and what such a program records is replayed`, async () => {
      const directory = `cmake-${language}`;
      run('cmake', ['-S', path.join(root, 'fixtures/consumer'), '-B', directory, `-DCMAKE_PREFIX_PATH=${usr}`, `-DLANGUAGE=${language}`]);
      run('cmake', ['--build', directory]);
      await crashesAndReplays(`${directory}/consumer`, {});
    });

    it(`are used from ${language} with pkg-config, and what such a program records is replayed`, async () => {
      const library = path.dirname(unpacked('libafterimage.so.0'));
      const environment = { PKG_CONFIG_PATH: path.dirname(unpacked('afterimage.pc')), LD_LIBRARY_PATH: library };
      const flags = run('pkg-config', ['--cflags', '--libs', 'afterimage'], environment).trim().split(' ');
      const [command, ...options] = [...compiler, '-O2', '-g', '-Wall', '-Wextra', '-Werror'];
      fs.mkdirSync(path.join(scratch, `pkg-config-${language}`));
      const program = `pkg-config-${language}/consumer`;
      run(command, [...options, path.join(root, 'fixtures/consumer', source), '-o', program, ...flags]);
      await crashesAndReplays(program, environment);
    });
  }

  async function crashesAndReplays(program: string, environment: NodeJS.ProcessEnv): Promise<void> {
    const directory = path.dirname(path.join(scratch, program));
    const env = { ...process.env, ...environment };
    const { signal, stderr } = spawnSync(path.join(scratch, program), [], { cwd: directory, env, encoding: 'utf8' });
    assert.equal(signal, 'SIGFPE', stderr);
    const recording = onlyRecordingIn(path.join(directory, 'recordings'));
    const launcher = path.join(usr, 'libexec/afterimage/afterimage-launch');
    const replay = await afterimage(['replay', recording], { ...environment, AFTERIMAGE_LAUNCH: launcher });
    assert.match(replay.stdout, new RegExp(`\nCrashed in event ${CRASHING_EVENT}: SIGFPE .*\nThe same crash as recorded: `), replay.stderr);
    assert.equal(replay.code, 0);
  }
});

/** The path below `directory` of the file with this name. */
function findBelow(directory: string, name: string): string {
  const found = fs.readdirSync(directory, { recursive: true }).map(String).find((file) => path.basename(file) === name); // prettier-ignore
  assert.ok(found, `${name} is not in ${directory}`);
  return found;
}
