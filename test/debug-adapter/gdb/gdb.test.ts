import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { attach, interrupt, resume } from '../../../debug-adapter/gdb/commands';
import { Gdb, GdbFailure, quote } from '../../../debug-adapter/gdb/gdb';
import { scripts, startAt } from './debuggee';

const failsWith = (code: GdbFailure['code'], message: RegExp) => (error: Error) =>
  error instanceof GdbFailure && error.code === code && message.test(error.message);

describe('starting gdb', () => {
  let folder: string;
  before(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-gdb-'))));
  after(() => fs.rmSync(folder, { recursive: true }));

  const program = (name: string, text: string) => {
    const file = path.join(folder, name);
    fs.writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return file;
  };

  it('says how to install it when it is missing', async () => {
    const start = Gdb.start({ gdb: '/nowhere/gdb', scripts });
    await assert.rejects(start, failsWith('gdb-missing', /no gdb at "\/nowhere\/gdb".*sudo apt-get install gdb/));
  });

  it('refuses a file that is not executable', async () => {
    const file = program('plain', '');
    fs.chmodSync(file, 0o644);
    await assert.rejects(Gdb.start({ gdb: file, scripts }), failsWith('gdb-missing', /EACCES/));
  });

  it('refuses a gdb that is too old, naming its version', async () => {
    const old = program('old-gdb', `read line; printf '~"GNU gdb (GDB) 11.2\\\\n"\\n1^done\\n'; read line`);
    await assert.rejects(Gdb.start({ gdb: old, scripts }), failsWith('gdb-too-old', /is GNU gdb \(GDB\) 11\.2, but gdb 12/));
  });

  it('refuses a program that is not gdb', async () => {
    await assert.rejects(Gdb.start({ gdb: '/bin/true', scripts }), failsWith('gdb-died', /status 0/));
  });

  it('tells a gdb without Python', async () => {
    const real = program('gdb-without-python', `sed -u 's/"python .*"/"no-python-here"/' | gdb "$@"`);
    await assert.rejects(Gdb.start({ gdb: real, scripts }), failsWith('gdb-without-python', /built without Python/));
  });
});

describe('talking to gdb', () => {
  let gdb: Gdb;
  beforeEach(async () => (gdb = await Gdb.start({ gdb: 'gdb', scripts })));
  afterEach(() => gdb.close());

  it('answers commands that were sent together in their order', async () => {
    const answers = await Promise.all([1, 2, 3].map((n) => gdb.send(`-data-evaluate-expression ${n}`)));
    assert.deepEqual(answers, [{ value: '1' }, { value: '2' }, { value: '3' }]);
  });

  it('passes on why gdb refuses a command', async () => {
    await assert.rejects(gdb.send('-data-evaluate-expression nosuch'), failsWith('gdb-refused', /No symbol table is loaded/));
  });

  it('does not wait for a stop when the command was refused', async () => {
    await assert.rejects(resume(gdb), failsWith('gdb-refused', /not being run/));
  });

  it('cannot attach to a process that is not there', async () => {
    await assert.rejects(attach(gdb, 2 ** 22 + 1), failsWith('gdb-refused', /No such process/));
  });

  it('keeps special characters of arguments', async () => {
    const text = 'a "b" \\ c\n\td';
    const { value } = await gdb.send(`-data-evaluate-expression ${quote(`sizeof(${JSON.stringify(text)})`)}`);
    assert.equal(Number(value), text.length + 1);
  });

  it('gives up on a command that takes too long, and goes on', async () => {
    const endless = gdb.send('-interpreter-exec console "python while True: pass"', 300);
    await assert.rejects(endless, failsWith('gdb-slow', /within 0\.3 seconds/));
    assert.deepEqual(await gdb.send('-data-evaluate-expression 5'), { value: '5' });
  });

  it('rejects everything that is waiting when gdb dies', async () => {
    const died = new Promise<GdbFailure>((resolve) => gdb.once('died', resolve));
    const waiting = gdb.send('-interpreter-exec console "python import os, signal; os.kill(os.getpid(), signal.SIGKILL)"');
    await assert.rejects(waiting, failsWith('gdb-died', /was ended by SIGKILL/));
    assert.equal((await died).code, 'gdb-died');
    await assert.rejects(gdb.send('-gdb-version'), failsWith('gdb-died', /SIGKILL/));
  });
});

describe('a program that runs', () => {
  it('is interrupted and goes on', async () => {
    const gdb = await startAt('forever', ['x']);
    await gdb.send('-break-delete');
    const stopped = resume(gdb);
    await interrupt(gdb);
    assert.equal((await stopped).reason, 'signal-received');
    await gdb.close();
  });
});
