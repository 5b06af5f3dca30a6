// The reactor's addresses are taken where it is replayed, by a real mapping. It is put elsewhere then, and everything that points into
// it is changed. The fixture says a checksum of its contents, and of no address, with every event: the replay compares them. The workloads'
// recordings have digests of all memory, too.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { openRecording, type ReactorInfo, type Recording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import { Client } from '../debug-adapter/session/client';
import { afterimage } from '../support/cli';
import { onlyRecordingIn, programPath, withDirectory } from '../support/fixture-programs';
import { inEnvironment, occupying } from '../support/slot-occupant';
import { temporaryDirectory } from '../support/temporary-directory';
import { withWorkload } from '../support/workloads';

const EVENTS = 600;
const PROGRAM = programPath('address-book');

describe('a reactor whose place is taken', function () {
  this.timeout(60_000);
  const directory = temporaryDirectory();
  let recording: Recording;
  let reactor: ReactorInfo;

  before(() => {
    const { signal } = spawnSync(PROGRAM, ['--directory', directory.path, '--events', String(EVENTS), '--crash'], { stdio: 'ignore' });
    assert.equal(signal, 'SIGSEGV');
    recording = openRecording(onlyRecordingIn(directory.path));
    reactor = recording.reactor(0);
  });
  after(() => recording.close());

  /** Goes to positions, one after the other; its checksum is compared in every event on the way. */
  async function visit(positions: readonly number[], environment: NodeJS.ProcessEnv, bundle = recording.directory) {
    const opened = openRecording(bundle);
    const replayer = inEnvironment(environment, () => Replayer.start(opened, { reactor: 0, program: PROGRAM }));
    try {
      await replayer.ready();
      for (const position of positions) assert.deepEqual(await replayer.run(position), { event: 'stopped', position, reason: 'target' });
      return { divergences: replayer.divergences, relocated: replayer.relocated! };
    } finally {
      replayer.kill();
      opened.close();
    }
  }

  const replay = async (environment: NodeJS.ProcessEnv, ...options: string[]) => {
    const { code, stdout, stderr } = await afterimage(['replay', recording.directory, '--json', ...options], environment);
    assert.notEqual(stdout, '', stderr);
    return { code, ...JSON.parse(stdout) };
  };

  it('is started again, and stays where it was if the place is free then', async () => {
    const once = path.join(directory.path, 'once');
    fs.writeFileSync(once, '');
    const { code, relocated, faithful } = await replay(occupying(reactor, once));
    assert.equal(fs.existsSync(once), false, 'the place was taken at first');
    assert.deepEqual([code, relocated, faithful], [0, null, true]);
  });

  it('is moved, and does what it did, up to the same crash', async () => {
    const report = await replay(occupying(reactor));
    assert.deepEqual([report.divergences, report.differences, report.crash.event], [[], [], EVENTS]);
    assert.equal(BigInt(report.relocated.from), reactor.heapBase);
    assert.notEqual(report.relocated.to, report.relocated.from);
    assert.ok(report.relocated.heap > 10);
    // It executes its own data there: both addresses are in the slot, and told as they were.
    assert.equal(report.crash.address, report.crash.instruction);
    assert.equal(BigInt(report.crash.address), recording.crash!.address);
  });

  it('says that this is approximate, and what it could not know', async () => {
    const { code, stdout } = await afterimage(['replay', recording.directory], occupying(reactor));
    assert.equal(code, 1, 'not known to be faithful');
    const text = stdout.replaceAll(/\s+/g, ' ');
    assert.match(text, /Something else is in the reactor's place at 0x4[0-9a-f]+.* so it was moved to 0x4/);
    assert.match(text, /freed memory, and pointers that traverse\(\) does not name, are as they were/);
    const search = await afterimage(['replay', recording.directory], { ...occupying(reactor), AFTERIMAGE_RELOCATION: 'search' });
    assert.match(search.stdout.replaceAll(/\s+/g, ' '), /pointers that are compressed.* containers that hash addresses/);
    assert.match(text, /Approximate, because the reactor was moved\. The same crash as recorded/);
  });

  for (const how of ['walked', 'searched'] as const) {
    it(`holds what it held when it is ${how}, forward and back`, async () => {
      const environment = { ...occupying(reactor), ...(how === 'searched' ? { AFTERIMAGE_RELOCATION: 'search' } : {}) };
      const { divergences, relocated } = await visit([1, 17, EVENTS, 250, EVENTS / 2, 599, 3, EVENTS], environment);
      assert.deepEqual([relocated.how, relocated.from, divergences], [how, reactor.heapBase, []]);
    });
  }

  it('is walked completely: what says nothing about itself is named', async () => {
    // The snapshot in the middle; the first one has hardly anything.
    const { relocated } = await visit([EVENTS, EVENTS / 2 + 5], occupying(reactor));
    assert.deepEqual([relocated.how, relocated.unreached, relocated.hashedByAddress], ['walked', 0, []]);
    assert.ok(relocated.heap > 1000, String(relocated.heap));
    assert.match(relocated.searched.join(), /^AddressBook::come\(.*\{lambda\(\)#1\}$/);
  });

  it('is moved when only a part of the place is taken, and agrees with the snapshots', async () => {
    const { heapBase, heapBytes } = reactor;
    const environment = occupying({ heapBase: heapBase + heapBytes - 4096n });
    const replayer = inEnvironment(environment, () => Replayer.start(recording, { reactor: 0, program: PROGRAM }));
    try {
      await replayer.ready();
      await replayer.verify(EVENTS);
      assert.equal(replayer.relocated?.from, heapBase);
      assert.deepEqual([replayer.divergences, replayer.differences], [[], []]);
    } finally {
      replayer.kill();
    }
  });

  describe('and that has a container which hashes addresses', () => {
    /** To the end, and again from the snapshot in the middle, which has something in the container. */
    const likes = (environment: NodeJS.ProcessEnv) =>
      withDirectory(async (scratch) => {
        const { status } = spawnSync(PROGRAM, ['--directory', scratch, '--events', '300', '--likes'], { stdio: 'ignore' });
        assert.equal(status, 0);
        return visit([300, 160, 300], { ...occupying(reactor), ...environment }, onlyRecordingIn(scratch));
      });

    it('finds again what is in it when it is walked, and the container is named', async () => {
      const { divergences, relocated } = await likes({});
      assert.deepEqual(divergences, []);
      assert.match(relocated.hashedByAddress.join(), /^std::unordered_set<Person const\*/);
    });

    it('goes another way when it is searched, and says so', async () => {
      const { divergences } = await likes({ AFTERIMAGE_RELOCATION: 'search' });
      assert.deepEqual([divergences[0]!.kind, divergences[0]!.call], ['output', 'printf']);
      assert.match(divergences[0]!.cause, /The reactor was moved to another place: that may be the reason, too\./);
    });
  });

  it('is moved for a debugger, too: variables expand, and the session is marked', async () => {
    const client = inEnvironment(occupying(reactor), () => Client.start());
    try {
      const { frames } = await client.launch({ recording: recording.directory, stopAt: 450 });
      assert.equal(client.position!.faithful, false);
      assert.match(client.output.join(''), /was moved to 0x4[0-9a-f]+\..*The replay is approximate/s);
      const frame = frames[0]!;
      assert.equal(await client.evaluate('people_ > 50 && latest_->before->after == latest_', frame), 'true');
      assert.match(await client.evaluate('long_', frame), /the long text of change 449/);
      const members = await client.scope(frame, 'Reactor');
      const byName = members.find(({ name }) => name === 'by_name_')!;
      assert.ok((await client.variables(byName.variablesReference)).length > 10);
    } finally {
      await client.close();
    }
  });

  for (const name of ['containers', 'functions', 'coroutines', 'plugin', 'text'])
    it(`has the same memory after every event: ${name}`, () =>
      withWorkload({ name }, async (recorded) => {
        const worker = recorded.reactor(0);
        const program = recorded.manifest.executable;
        const replayer = inEnvironment(occupying(worker), () => Replayer.start(recorded, { reactor: 0, program }));
        try {
          await replayer.ready();
          assert.equal((await replayer.run(worker.finished)).event, 'stopped');
          assert.equal(replayer.relocated?.from, worker.heapBase);
          assert.deepEqual(replayer.divergences, []);
        } finally {
          replayer.kill();
        }
      }));

  it('moves alone: what points to other reactors stays', () =>
    withWorkload({ name: 'three-reactors' }, async (three) => {
      for (const one of three.reactors) {
        const { executable } = three.manifest;
        const replayer = inEnvironment(occupying(one), () => Replayer.start(three, { reactor: one.id, program: executable }));
        try {
          await replayer.ready();
          assert.equal((await replayer.run(one.finished)).event, 'stopped');
          assert.equal(replayer.relocated?.from, one.heapBase);
          assert.deepEqual(replayer.divergences, [], one.name);
        } finally {
          replayer.kill();
        }
      }
    }));
});
