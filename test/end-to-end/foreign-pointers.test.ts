// Objects of one reactor that others hold (fixtures/programs/quote-desk): what a trader and a printing thread drop, the desk destroys, in
// events of their own. The recordings have digests of all memory after every event; when the thread drops what, is chance.
import assert from 'node:assert/strict';
import { openRecording, type Recording } from '../../debug-adapter/recording';
import { Replayer } from '../../debug-adapter/replay/replayer';
import { Client } from '../debug-adapter/session/client';
import { afterimage } from '../support/cli';
import { programPath, recordCrash, withDirectory } from '../support/fixture-programs';
import { inEnvironment, occupying } from '../support/slot-occupant';
import { temporaryDirectory } from '../support/temporary-directory';

const REQUESTS = 301; // the last one went to the trader
const [TRADER, DESK] = [0, 1];

describe('objects of a reactor that others hold', function () {
  this.timeout(60_000);
  const directory = temporaryDirectory();
  let recording: Recording;
  let last: number;

  before(async () => {
    recording = openRecording(await recordCrash('quote-desk', directory.path, ['--requests', String(REQUESTS), '--digests', '--crash']));
    last = recording.reactor(DESK).crashEvent!;
  });
  after(() => recording.close());

  const isDrop = (type: string) => type.startsWith('afterimage::Dropped<std::unique_ptr<Quote');
  const drops = () => [...recording.log(DESK).events(0, last + 1)].filter(({ type }) => isDrop(type.name));

  it('are destroyed at the same places in a replay, up to the crash', async () => {
    const { code, stdout } = await afterimage(['verify', recording.directory, '--json']);
    const { reactors } = JSON.parse(stdout);
    assert.equal(code, 0, stdout);
    const [trader, desk] = [reactors[TRADER], reactors[DESK]];
    assert.deepEqual([desk.replay.divergences, desk.memory.differences, desk.replay.crash.event], [[], [], last]);
    assert.deepEqual([trader.replay.divergences, trader.memory.differences, trader.replay.crash], [[], [], null]);
  });

  it('are dropped once each, and it is known which event of the trader has done it', () => {
    const all = drops();
    assert.equal(new Set(all.map(({ number }) => number)).size, all.length);
    const byTrader = all.filter(({ sender }) => sender !== undefined);
    assert.ok(byTrader.every(({ sender }) => sender!.reactor === TRADER));
    assert.equal(byTrader.length, REQUESTS - Math.floor(REQUESTS / 3));
    assert.equal(all.length - byTrader.length, Math.floor(REQUESTS / 3)); // those of the thread
    assert.equal(all.at(-1)!.number, last);
  });

  it('lead to the line that destroys them, with the object still there', async () => {
    const client = Client.start();
    try {
      await client.launch({ recording: recording.directory, reactor: DESK, stopAt: last });
      const { frames } = await client.continue();
      const [closed, destroyed] = ['QuoteDesk::closed', 'Quote::~Quote'].map((name) =>
        frames.findIndex((frame) => frame.name.startsWith(name)),
      );
      assert.ok(closed! > 0 && destroyed === closed! + 1, frames.map(({ name }) => name).join(', '));
      assert.equal(await client.evaluate('quote.number', frames[closed!]!), String(REQUESTS));
      assert.match(await client.evaluate('quote.text', frames[closed!]!), /quote 301 for customer 1/);
    } finally {
      await client.close();
    }
  });

  it('are there again from whichever snapshot, going back, and where the reactor is moved', async () => {
    const environment = occupying(recording.reactor(DESK));
    for (const moved of [false, true]) {
      const start = () => Replayer.start(recording, { reactor: DESK, program: programPath('quote-desk') });
      const replayer = moved ? inEnvironment(environment, start) : start();
      try {
        await replayer.ready();
        for (const position of [last, 10, last - 5, last >> 1, last]) await replayer.run(position);
        assert.deepEqual([replayer.relocated !== undefined, replayer.divergences], [moved, []]);
      } finally {
        replayer.kill();
      }
    }
  });

  it('leave nothing behind where the request that lent them is left out', async () => {
    const request = [...recording.log(DESK).events(0, last)].filter(({ type }) => type.name === 'Request').at(-1)!.number;
    const { stdout, stderr } = await afterimage([
      'what-if',
      '--json',
      '--reactor',
      String(DESK),
      '--without',
      String(request),
      recording.directory,
    ]);
    assert.equal(JSON.parse(stdout || '{}').crash, null, stdout + stderr);
  });

  it('are nothing that a check complains about', () =>
    withDirectory(async (other) => {
      const { code, stdout } = await afterimage(['check', '--', programPath('quote-desk'), '--directory', other, '--requests', '60']);
      assert.equal(code, 0, stdout);
    }));

  it('are refused to another build, in which they are elsewhere', () =>
    withDirectory(async (other) => {
      const path = await recordCrash('quote-desk', other, ['--requests', '31', '--genesis', '--crash']);
      const { code, stderr } = await afterimage(['test', '--exe', programPath('quote-desk'), path]);
      assert.equal(code, 2);
      assert.match(stderr, /cannot be tested with this build: .*fits the recorded build only/);
    }));
});
