// What is made from the table of commands: help, completion, the manual page.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { SHELLS } from '../../../debug-adapter/cli/completion';
import { manualPage } from '../../../debug-adapter/cli/manual';
import { buildProgram, examples, version } from '../../../debug-adapter/cli/program';
import { afterimage } from '../../support/cli';
import { root } from '../../support/fixture-programs';
import { temporaryDirectory } from '../../support/temporary-directory';

const program = buildProgram();

/** The words of an example, as a shell takes them apart. */
const shellWords = (line: string): string[] =>
  execFileSync('bash', ['-c', `printf '%s\\n' ${line.replace(/ (\||>>) .*/, '')}`], { encoding: 'utf8' }).trimEnd().split('\n'); // prettier-ignore

describe('afterimage --help', () => {
  it('names every command on a line, in 80 columns', async () => {
    const { code, stdout } = await afterimage(['--help']);
    for (const command of program.commands) assert.match(stdout, new RegExp(`\\n  ${command.name()} .*[a-z]`));
    assert(stdout.split('\n').every((line) => line.length <= 80)); // prettier-ignore
    assert.equal(code, 0);
  });

  it('of every command fits in 80 columns, its own options first', async () => {
    for (const command of program.commands) {
      const { stdout } = await afterimage([command.name(), '--help']);
      assert.deepEqual(stdout.split('\n').filter((line) => line.length > 80), []); // prettier-ignore
    }
    const { stdout } = await afterimage(['find', '--help']);
    assert.deepEqual(stdout.match(/^ {2}(-h, )?--[\w-]+/gm)?.map((option) => option.trim()), [
      '--expression', '--all', '--count', '--from', '--to', '--reactor', '--program', '--sysroot', '--path-map', '--gdb', '--force', '--json',
      '--strict', '-h, --help',
    ]); // prettier-ignore
  });

  it('has examples for every command, and the command knows all options in them', () => {
    for (const command of program.commands) {
      assert.notEqual(examples(command).length, 0, command.name());
      for (const line of examples(command)) {
        const [name, ...args] = shellWords(line);
        assert.equal(name, command.name(), line);
        const known = command.options.flatMap((option) => [option.long, option.short]);
        for (const arg of args.filter((word) => /^--?[a-z]/.test(word))) assert(known.includes(arg), `${line}: ${arg}`);
      }
    }
  });

  it('says the same about options that several commands have', () => {
    const descriptions = new Map<string, Set<string>>();
    for (const name of ['--reactor', '--program', '--gdb', '--json', '--strict']) {
      const commands = program.commands.filter((command) => command.name() !== 'snapshot'); // asks a process, not a recording
      const found = commands.flatMap((command) => command.options.filter((option) => option.long === name));
      descriptions.set(name, new Set(found.map((option) => option.description)));
    }
    assert.deepEqual([...descriptions].filter(([, texts]) => texts.size !== 1), []); // prettier-ignore
  });

  it('tells the version', async () => {
    assert.equal((await afterimage(['--version'])).stdout, `${version()}\n`);
  });
});

describe('afterimage completion', () => {
  const complete = (script: string, ...words: string[]): string[] => {
    const call = `eval "$SCRIPT"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _afterimage; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', call, 'bash', ...words], { env: { ...process.env, SCRIPT: script }, encoding: 'utf8' })
      .trimEnd()
      .split('\n');
  };

  it('completes commands, options and shells in bash', async () => {
    const { stdout: script } = await afterimage(['completion', 'bash']);
    assert.deepEqual(complete(script, 'afterimage', 'ver'), ['verify']);
    assert.deepEqual(complete(script, 'afterimage', 'replay', '--sh'), ['--show-output']);
    assert.deepEqual(complete(script, 'afterimage', 'completion', ''), [...SHELLS]);
    const names = program.commands.map((command) => command.name()).sort();
    assert.deepEqual(complete(script, 'afterimage', '').sort(), names);
  });

  it('is a script for every shell that names all commands and options', async () => {
    for (const shell of SHELLS) {
      const { code, stdout } = await afterimage(['completion', shell]);
      assert.equal(code, 0);
      for (const command of program.commands) {
        assert(stdout.includes(command.name()), `${shell}: ${command.name()}`);
        for (const { long } of command.options)
          assert(stdout.includes(shell === 'fish' ? `-l ${long?.slice(2)}` : `${long}`), `${shell}: ${long}`);
      }
      const installed = spawnSync(shell, ['-n'], { input: stdout, encoding: 'utf8' });
      if (installed.error === undefined) assert.equal(installed.stderr, '', shell);
    }
  });

  it('knows no other shell', async () => {
    const { code, stderr } = await afterimage(['completion', 'tcsh']);
    assert.equal(stderr, 'afterimage: There is no completion for "tcsh", only for bash, zsh, fish.\n');
    assert.equal(code, 2);
  });
});

describe('the manual page', () => {
  const scratch = temporaryDirectory();

  it('in dist/ is the one that the table of commands gives', () => {
    assert.equal(fs.readFileSync(path.join(root, 'dist/man/afterimage.1'), 'utf8'), manualPage(program, version()));
  });

  it('names every command and option', () => {
    const page = manualPage(program, version()).replaceAll('\\-', '-');
    for (const command of program.commands) {
      assert(page.includes(`.SS "afterimage ${command.name()} `), command.name());
      for (const { flags } of command.options) assert(page.includes(flags), flags);
    }
  });

  it('is written by scripts/man, and roff has no complaints', () => {
    const file = `${scratch.path}/afterimage.1`;
    execFileSync(path.join(root, 'scripts/man'), [file]);
    const rendered = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-P-c', '-P-bou', file], { encoding: 'utf8' });
    if (rendered.error === undefined) {
      assert.equal(rendered.stderr, '');
      assert.match(rendered.stdout, /EXIT STATUS/);
    }
    assert.match(fs.readFileSync(file, 'utf8'), /^\.TH AFTERIMAGE 1/);
  });
});
