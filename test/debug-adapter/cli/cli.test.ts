// The command line on small recordings: what it prints, in words and as JSON, how it ends, and how it complains.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openRecording } from '../../../debug-adapter/recording';
import { afterimage } from '../../support/cli';
import { root } from '../../support/fixture-programs';
import { control, manifest, writeBundle } from '../../support/recording-writer';

const vector = (name: string) => `${root}/fixtures/recordings/${name}.afterimage`;
const lines = (...text: string[]) => `${text.join('\n')}\n`;

describe('afterimage info', () => {
  it('tells how the process ended and what was recorded, in 80 columns', async () => {
    const { code, stdout, stderr } = await afterimage(['info', vector('crashed-two-reactors')]);
    assert.equal(
      stdout,
      lines(
        'crashed-two-reactors.afterimage',
        '',
        '  Program      /opt/shop/orders',
        '  Build        9f2c000102030405060708090a0b0c0d0e0f1011',
        '  Process      4711 on vector-host, Linux 6.18.0, afterimage 0.1.0',
        '  Started      2025-11-22 15:00:00.000',
        '  Ended        2025-11-22 15:00:55.000, after 55.0 s',
        '  State        crashed: SIGSEGV (address not mapped) at address 0x10, inside',
        '               react() of event 8 of shop',
        '  Instruction  0x555555556123, orders + 0x2123',
        '',
        '  #  reactor  type         events  snapshots  heap used      log',
        '  0  shop     shop::Shop      0–8          1    4.0 KiB  2.0 KiB',
        '  1  audit    shop::Audit     0–0          1    4.0 KiB    659 B',
        '  38.5 KiB more on disk were allocated for events to come',
      ),
    );
    assert.deepEqual([code, stderr], [0, '']);
  });

  it('lists what is damaged, and with --strict ends with 3', async () => {
    const plain = await afterimage(['info', vector('damaged-middle-segment')]);
    assert.match(
      plain.stdout,
      /2 problems: the recording is partial\n {2}! r0\/ev-00000002\.mcap is skipped: .*\n {2}! Events 3 to 5 are lost/,
    );
    assert.equal(plain.code, 0);
    assert.equal((await afterimage(['info', '--strict', vector('damaged-middle-segment')])).code, 3);
    assert.equal((await afterimage(['info', '--strict', vector('closed-every-record')])).code, 0);
  });

  it('writes one JSON document, with addresses in hexadecimal and times as text', async () => {
    const { stdout } = await afterimage(['info', '--json', vector('crashed-two-reactors')]);
    const summary = JSON.parse(stdout);
    assert.deepEqual([summary.state, summary.endedIn, summary.problems, summary.startTimeNs], ['crashed', 0, [], '1763823600000000000']);
    const { signalName, address, module, moduleOffset, event } = summary.crash;
    assert.deepEqual([signalName, address, module, moduleOffset, event], ['SIGSEGV', '0x10', '/opt/shop/orders', '0x2123', 8]);
    assert.deepEqual(summary.reactors[0].snapshots, [{ position: 0, kind: 'full', fileBytes: 8192, heapBytes: 4096 }]);
  });

  it('does not let names in a recording steer the terminal', async () => {
    const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-cli-'));
    writeBundle(scratch, { 'manifest.json': manifest({ executable: '/opt/\u001b[31mred\u202e' }), control: control() });
    const { stdout } = await afterimage(['info', scratch]);
    fs.rmSync(scratch, { recursive: true });
    assert.match(stdout, /\/opt\/·\[31mred·/);
  });
});

describe('afterimage events', () => {
  it('keeps to the width, whatever there is to tell', async () => {
    for (const columns of ['60', '70', '80']) {
      const { stdout } = await afterimage(['events', '--all', vector('crashed-nested')], { COLUMNS: columns });
      assert.deepEqual(stdout.split('\n').filter((line) => line.length > Number(columns)), []); // prettier-ignore
    }
  });

  it('shows rows with time, type, size, duration and payload', async () => {
    const { stdout } = await afterimage(['events', vector('closed-every-record')]);
    assert.equal(
      stdout,
      lines(
        'shop shop::Shop, events 0–2',
        'number  time             type                bytes          took  payload',
        '     0  15:00:00.001001  shop::Order            16        1.3 µs  07000000… ....',
        '     1  15:00:00.001003  shop::Cancel            8  990 ns threw  63616e63… canc',
        '     2  15:00:00.001007  std::span<std::by…      0         4.3 s',
      ),
    );
  });

  it('marks the event that crashed, and one that never ended', async () => {
    const { stdout } = await afterimage(['events', vector('crashed-nested')]);
    assert.deepEqual(
      stdout.split('\n').slice(2, 6).map((line) => /\s16\s+(\S+( µs)?)/.exec(line)?.[1]), // prettier-ignore
      ['1.5 µs', 'never', '1.5 µs', 'crashed'],
    );
  });

  it('does not take the reactor that has a number now for the one that had it before', async () => {
    const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-number-again-'));
    try {
      const copy = path.join(scratch, 'again.afterimage');
      fs.cpSync(vector('one-sends-to-another'), copy, { recursive: true });
      const said = async (reactor: string) => (await afterimage(['events', '--reactor', reactor, copy])).stdout;
      const asJson = async () => JSON.parse((await afterimage(['events', '--reactor', '1', '--json', copy])).stdout);
      const { name } = openRecording(copy).reactor(0);
      assert.ok((await said('1')).includes(` ${name} 0 `));
      assert.equal((await asJson()).events[0].sender.gone, undefined);

      const file = path.join(copy, 'r0', 'reactor.json');
      const reactor = JSON.parse(fs.readFileSync(file, 'utf8'));
      fs.writeFileSync(file, JSON.stringify({ ...reactor, numberSinceNs: String(2n ** 63n) }));
      assert.ok((await said('1')).includes(' r0 (gone) 0 '), await said('1'));
      assert.equal((await asJson()).events[0].sender.gone, true);
    } finally {
      fs.rmSync(scratch, { recursive: true });
    }
  });

  const selections: { title: string; args: string[]; numbers: number[] }[] = [
    { title: 'the last ones by default', args: ['--count', '2'], numbers: [7, 8] },
    { title: 'from a number', args: ['--from', '3', '--count', '2'], numbers: [3, 4] },
    { title: 'from so many before the end', args: ['--from', '-4', '--count', '2'], numbers: [5, 6] },
    { title: 'from before the beginning', args: ['--from', '-400', '--count', '2'], numbers: [0, 1] },
    { title: 'of a type', args: ['--type', 'Order', '--count', '1'], numbers: [8] },
    { title: 'of another reactor', args: ['--reactor', 'audit'], numbers: [0] },
    { title: 'none', args: ['--count', '0'], numbers: [] },
  ];
  for (const { title, args, numbers } of selections) {
    it(`takes ${title}`, async () => {
      const { stdout } = await afterimage(['events', '--json', ...args, vector('crashed-two-reactors')]);
      const { events } = JSON.parse(stdout) as { events: { number: number }[] };
      assert.deepEqual(events.map((event) => event.number), numbers); // prettier-ignore
    });
  }

  it('leaves quietly when its reader does', () => {
    const cli = `${process.execPath} ${root}/dist/debug-adapter/cli.js`;
    const command = `set -o pipefail; ${cli} events ${vector('crashed-two-reactors')} | head -1`;
    assert.match(execFileSync('bash', ['-c', command], { encoding: 'utf8' }), /^shop shop::Shop, events 0–8\n$/);
  });
});

describe('afterimage complains in one sentence', () => {
  const complaints: { title: string; args: string[]; says: RegExp }[] = [
    { title: 'no recording', args: ['info', '/nowhere'], says: /no recording at \/nowhere/ },
    { title: 'a foreign directory', args: ['info', '/usr/include'], says: /is not a recording: it has no manifest\.json/ },
    { title: 'a file', args: ['events', '/etc/passwd'], says: /is a file, but a recording is a directory/ },
    {
      title: 'an unknown reactor',
      args: ['events', '--reactor', 'x', vector('crashed-two-reactors')],
      says: /has no reactor "x"\. It has: shop, audit/,
    },
    {
      title: 'an event that is not there',
      args: ['events', '--from', '99', vector('crashed-two-reactors')],
      says: /no event 99\. .* events 0 to 8/,
    },
    { title: 'an unknown type', args: ['events', '--type', 'T', vector('crashed-two-reactors')], says: /"T"\. There are: shop::Order/ },
    {
      title: 'what is no number',
      args: ['events', '--count', '1e3', vector('crashed-two-reactors')],
      says: /--count needs a whole number, not "1e3"/,
    },
    {
      title: 'what is no address',
      args: ['last-write', '--address', 'zero', vector('crashed-two-reactors')],
      says: /--address needs a hexadecimal/,
    },
    {
      title: 'an address outside of the heap',
      args: ['last-write', '--address', '0x10', '--bytes', '8', vector('crashed-two-reactors')],
      says: /0x10 is not in the memory of shop, which is from 0x400000000000 to 0x401000000000/,
    },
    {
      title: 'a missing program',
      args: ['replay', vector('crashed-two-reactors')],
      says: /\/opt\/shop\/orders \(build 9f2c00010203\), is neither there/,
    },
    {
      title: 'another build',
      args: ['replay', '--program', process.execPath, vector('crashed-two-reactors')],
      says: /is build \w+( \w+)?, but the recording was made by build 9f2c00010203/,
    },
    {
      title: 'a directory where a packed file should be',
      args: ['unpack', vector('crashed-two-reactors')],
      says: /is a directory, not a packed file.* every command takes it as it is/,
    },
    {
      title: 'a packed file in a directory that is not there',
      args: ['pack', '-o', '/nowhere/x.mcap', vector('crashed-two-reactors')],
      says: /\/nowhere\/x\.mcap cannot be written: there is no directory \/nowhere\./,
    },
    {
      title: 'what is no program',
      args: ['replay', '--program', '/etc/passwd', vector('crashed-two-reactors')],
      says: /\/etc\/passwd is not an executable/,
    },
  ];
  for (const { title, args, says } of complaints) {
    it(`about ${title}`, async () => {
      const { code, stdout, stderr } = await afterimage(args);
      assert.match(stderr, says);
      assert.match(stderr, /^afterimage: [^\n]+\n$/);
      assert.deepEqual([code, stdout], [2, '']);
    });
  }

  it('about a command or an option that it does not know', async () => {
    for (const args of [['frobnicate'], ['info', '--frobnicate', '/x'], ['info'], ['find', '/x']]) {
      const { code, stderr } = await afterimage(args);
      assert.equal(code, 2);
      assert.match(stderr, /^afterimage: [A-Zif].*\.\n\(afterimage (--help lists everything|(info|find) --help has examples)\)\n$/);
    }
  });

  it('about a command that is nearly one, with the one it may be', async () => {
    const { stderr } = await afterimage(['inof', '/x']);
    assert.equal(stderr, "afterimage: Unknown command 'inof'. Did you mean info?\n(afterimage --help lists everything)\n");
  });

  it('about something that is missing, with what it is for', async () => {
    const missing = async (...args: string[]) => (await afterimage(args)).stderr.split('\n')[0];
    assert.equal(await missing('completion'), 'afterimage: completion needs <shell>: bash, zsh, fish.');
    assert.match((await missing('find', '/x')) ?? '', /^afterimage: find needs --expression <c\+\+>: over the members of the reactor/);
  });

  it('and explains its exit codes in the help', async () => {
    const { code, stdout } = await afterimage(['--help']);
    assert.equal(code, 0);
    assert.match(stdout, /Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}3 /);
  });
});
