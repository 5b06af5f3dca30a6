// The house rules that a compiler does not check: who may import whom, how long a file may be, what must not be in the repository.
//
// Every rule is a pure function from a file's text to its complaints. One test per rule lists all complaints in the tree; and one
// test per rule shows that it complains, so that a rule which no longer finds anything is noticed.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');
const longestFileLines = 500;
const largestFileBytes = 1 << 20;

/** Which folder may import which: data flows one way along the folders, and so do imports. */
const mayImport: Record<string, readonly string[]> = {
  native: [],
  'debug-adapter/recording': [],
  'debug-adapter/import': ['native', 'debug-adapter/recording', 'debug-adapter/replay'],
  'debug-adapter/gdb': [],
  'debug-adapter/replay': ['native', 'debug-adapter/recording', 'debug-adapter/gdb'],
  'debug-adapter/questions': ['debug-adapter/recording', 'debug-adapter/gdb', 'debug-adapter/replay'],
  'debug-adapter/pack': ['native', 'debug-adapter/recording', 'debug-adapter/gdb', 'debug-adapter/replay'],
  'debug-adapter/check': ['debug-adapter/recording', 'debug-adapter/gdb'],
  'debug-adapter/session': [
    'debug-adapter/recording',
    'debug-adapter/gdb',
    'debug-adapter/replay',
    'debug-adapter/questions',
    'debug-adapter/pack',
  ],
  'debug-adapter/cli': [
    'native',
    'debug-adapter/recording',
    'debug-adapter/import',
    'debug-adapter/gdb',
    'debug-adapter/replay',
    'debug-adapter/questions',
    'debug-adapter/pack',
    'debug-adapter/check',
  ],
  'debug-adapter': ['debug-adapter/session'],
  extension: ['debug-adapter/recording'],
};

/** Which layer of the recorder may include which (besides itself and the public headers). */
const mayInclude: Record<string, readonly string[]> = {
  base: [],
  os: ['base'],
  heap: ['base', 'os'],
  format: ['base'],
  inputs: ['base', 'os', 'heap', 'format'],
  snapshot: ['base', 'os', 'heap', 'format'],
  record: ['base', 'os', 'heap', 'format', 'inputs', 'snapshot'],
  replay: ['base', 'os', 'heap', 'format', 'inputs', 'snapshot'],
};

type Rule = (file: string, text: string) => string[];

/** Says where the package is installed; anybody may ask. */
const packageRoot = 'debug-adapter/package-root';

const importFolders = Object.keys(mayImport).sort((a, b) => b.length - a.length);
const importFolderOf = (file: string) => importFolders.find((folder) => `${file}/`.startsWith(`${folder}/`));

/** Module names of all import forms: `from 'x'`, `import 'x'`, `import('x')`, `require('x')`. */
function importedModules(text: string): string[] {
  const forms = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)['"]([^'"]+)['"]/g;
  return [...text.matchAll(forms)].map((match) => match[1]!);
}

const importsFollowTheDataFlow: Rule = (file, text) => {
  const from = importFolderOf(file);
  if (from === undefined || !file.endsWith('.ts')) return [];
  const complaints: string[] = [];
  for (const imported of importedModules(text).filter((name) => name.startsWith('.'))) {
    const target = path.posix.join(path.posix.dirname(file), imported);
    const to = importFolderOf(target);
    if (target === packageRoot) continue;
    if (to === undefined) complaints.push(`${file} imports ${imported}, which is in none of our folders`);
    else if (to !== from && !mayImport[from]!.includes(to)) complaints.push(`${file}: ${from} may not import ${to}`);
  }
  return complaints;
};

const onlyTheExtensionKnowsTheEditor: Rule = (file, text) => {
  const allowed = file.startsWith('extension/') || file.startsWith('test/extension/') || !file.endsWith('.ts');
  return !allowed && importedModules(text).includes('vscode') ? [`${file} imports vscode; only extension/ may`] : [];
};

const zodIsImportedWhole: Rule = (file, text) =>
  /\.ts$/.test(file) && /import\s*\{[^}]*\}\s*from 'zod'/.test(text)
    ? [`${file}: write import * as z from 'zod' (bundles to 85 KB; the named import to 444 KB)`]
    : [];

const includesGoDownTheLayers: Rule = (file, text) => {
  const layer = /^recorder\/src\/([a-z]+)\//.exec(file)?.[1];
  if (layer === undefined) return [];
  if (!(layer in mayInclude)) return [`${file}: ${layer} is not a layer of the recorder`];
  const included = [...text.matchAll(/^\s*#\s*include\s*"([^"]+)"/gm)].map((match) => match[1]!);
  return included.flatMap((name) => {
    const to = /(?:^|\/)(base|os|heap|format|inputs|snapshot|record|replay)\/[^/]+$/.exec(name)?.[1] ?? layer;
    return to === layer || mayInclude[layer]!.includes(to) ? [] : [`${file}: ${layer} may not include ${name}`];
  });
};

const filesFitOneSitting: Rule = (file, text) => {
  const lines = text.split('\n').length - 1;
  const isCode = /\.(ts|mjs|cjs|cc|h|py|el|css|html)$/.test(file);
  return isCode && lines > longestFileLines ? [`${file} has ${lines} lines; the limit is ${longestFileLines}`] : [];
};

const machinePath = /(?<![\w.])\/(?:work|farm|home\/\w+|Users)\//;

const noPathsOfOneMachine: Rule = (file, text) =>
  file === 'package-lock.json' ? [] : linesMatching(machinePath, file, text, 'names a path of one machine');

const noRegistryInTheLockFile: Rule = (file, text) =>
  file === 'package-lock.json' ? linesMatching(/"resolved": "(?!https:\/\/registry\.npmjs\.org\/)/, file, text, 'names a registry') : [];

const noTestIsLeftOut: Rule = (file, text) =>
  file.startsWith('test/') && file.endsWith('.ts')
    ? linesMatching(/\b(?:it|describe)\.(?:skip|only)\(/, file, text, 'leaves tests out')
    : [];

function linesMatching(pattern: RegExp, file: string, text: string, complaint: string): string[] {
  return text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1} ${complaint}: ${line.trim()}`] : []));
}

const rules: { title: string; rule: Rule; violation: [file: string, text: string] }[] = [
  {
    title: 'imports follow the data flow',
    rule: importsFollowTheDataFlow,
    violation: ['debug-adapter/recording/a.ts', "import { b } from '../session/b';"],
  },
  {
    title: 'only extension/ imports vscode',
    rule: onlyTheExtensionKnowsTheEditor,
    violation: ['debug-adapter/main.ts', "import type { Uri } from 'vscode';"],
  },
  { title: 'zod is imported whole', rule: zodIsImportedWhole, violation: ['native/a.ts', "import { z } from 'zod';"] },
  {
    title: 'includes go down the layers of the recorder',
    rule: includesGoDownTheLayers,
    violation: ['recorder/src/record/a.cc', '#include "replay/b.h"'],
  },
  {
    title: `no file is longer than ${longestFileLines} lines`,
    rule: filesFitOneSitting,
    violation: ['native/a.ts', '\n'.repeat(longestFileLines + 1)],
  },
  { title: 'no paths of one machine', rule: noPathsOfOneMachine, violation: ['README.md', 'see /home/me/x'] },
  {
    title: 'the lock file names no other registry',
    rule: noRegistryInTheLockFile,
    violation: ['package-lock.json', '"resolved": "https://npm.example/a.tgz"'],
  },
  { title: 'no test is left out', rule: noTestIsLeftOut, violation: ['test/a.test.ts', "describe.only('a')"] },
];

/** Everything that is or would be committed, except files deleted since, and this one: it quotes what it forbids. */
function repositoryFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  return listed.split('\n').filter((file) => file !== '' && file !== 'test/tidy.test.ts' && fs.existsSync(path.join(root, file)));
}

/** A core dump or a recording, left by a program that was run here and added by mistake. */
const isTooLarge = (file: string): boolean => fs.statSync(path.join(root, file)).size > largestFileBytes;

const isBinary = (bytes: Buffer) => bytes.subarray(0, 8000).includes(0);

describe('tidy', () => {
  const texts = new Map<string, string>();

  before(() => {
    for (const file of repositoryFiles().filter((name) => !isTooLarge(name))) {
      const bytes = fs.readFileSync(path.join(root, file));
      if (!isBinary(bytes)) texts.set(file, bytes.toString('utf8'));
    }
    assert.ok(texts.has('package.json'), 'the repository was not found');
  });

  for (const { title, rule, violation } of rules) {
    it(title, () => {
      const complaints = [...texts].flatMap(([file, text]) => rule(file, text));
      assert.equal(complaints.join('\n'), '');
    });

    it(`the rule notices: ${title}`, () => assert.equal(rule(...violation).length, 1));
  }

  it('no file is larger than 1 MiB', () => assert.deepEqual(repositoryFiles().filter(isTooLarge), []));

  it('C++ tests lie in test/recorder, TypeScript tests end in .test.ts', () => {
    const lost = [...texts.keys()].filter(
      (file) => /^(native|debug-adapter|extension)\/.*\.test\.ts$/.test(file) || /^recorder\/.*_test\.cc$/.test(file),
    );
    assert.deepEqual(lost, []);
  });
});
