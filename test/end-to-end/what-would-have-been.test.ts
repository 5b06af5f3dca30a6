// The fewest events that end in a crash, and what would have been without them: of a crash nobody has to know anything to begin with.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { grouped, openRecording } from '../../debug-adapter/recording';
import { others } from '../../debug-adapter/questions/reduce';
import { afterimage } from '../support/cli';
import { withDirectory } from '../support/fixture-programs';
import { Bug } from './support/bug';
import { recordFlightBoard } from './support/flight-recording';

const DAMAGE = 377; // the flight that arrived 212 minutes early

describe('the fewest events that end in the crash', function () {
  this.timeout(120_000);
  const fields = async (name: string, ...options: string[]) =>
    withDirectory(async (directory) => (await (await Bug.happens(name, directory)).needs(...options)).map((event) => event.fields));

  it('of a use after free: login, request and logout of one user, a note in its memory, and the use', async () => {
    const [LOGIN, LOGOUT, REQUEST, NOTE, REPEAT] = [0, 1, 2, 3, 4];
    const events = await fields('use-after-free');
    assert.deepEqual(events.map(([kind]) => kind), [LOGIN, REQUEST, LOGOUT, NOTE, REPEAT]); // prettier-ignore
    assert.equal(new Set(events.slice(0, 3).map(([, user]) => user)).size, 1);
  });

  it('of an endless recursion: two departments, each moved below the other', async () => {
    const [MOVE, COUNT] = [1, 2];
    const [first, second, last] = await fields('endless-recursion');
    assert.deepEqual([first![0], second![0], last![0]], [MOVE, MOVE, COUNT]);
    assert.deepEqual(first!.slice(1), second!.slice(1).reverse());
  });

  it('of a wrong value: two accounts that share memory', async () => {
    const [OPEN, SHARE_COUPON, CLOSE_BASKET] = [0, 2, 3];
    const events = await fields('double-free', '--expression', 'accounts_[7] && accounts_[7] == accounts_[8]');
    assert.deepEqual(events.map(([kind]) => kind), [SHARE_COUPON, CLOSE_BASKET, OPEN, CLOSE_BASKET, OPEN]); // prettier-ignore
  });

  it('leaves out all others', () => {
    assert.deepEqual(others([3, 4, 9], 0, 12), [{ from: 0, to: 3 }, { from: 5, to: 9 }, { from: 10, to: 12 }]); // prettier-ignore
    assert.deepEqual(others([0, 1], 0, 2), []);
  });
});

describe('flight-board, had it been otherwise', function () {
  this.timeout(120_000);
  let directory: string;
  let recording: string;
  let crash: number;

  before(async () => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-what-if-'));
    recording = await recordFlightBoard(directory);
    crash = openRecording(recording).crash!.event!;
  });
  after(() => fs.rmSync(directory, { recursive: true }));

  it('crashes because of one flight of thousands', async () => {
    const { code, stdout, stderr } = await afterimage(['reduce', recording]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^2 events of ${grouped(crash + 1)} end in the same crash`));
    assert.match(stdout, new RegExp(`\\n +${DAMAGE} .*\\n.*delay_minutes = -212`));
  });

  const whatIf = (...suppositions: string[]) => afterimage(['what-if', ...suppositions, recording]);

  it('does not crash without that flight', async () => {
    const { code, stdout, stderr } = await whatIf('--without', String(DAMAGE));
    assert.equal(stdout, `It does not crash: all events up to ${grouped(crash)} are handled, event ${grouped(crash)} included.\n`, stderr);
    assert.equal(code, 0);
  });

  it('does not claim to have handled the crashing event when that is left out', async () => {
    const { code, stdout } = await whatIf('--without', String(crash));
    assert.equal(stdout, `It does not crash without event ${grouped(crash)}, in which it crashed.\n`);
    assert.equal(code, 0);
  });

  it('crashes all the same without its neighbours', async () => {
    const { code, stdout } = await whatIf('--without', `${DAMAGE - 5}-${DAMAGE - 1}`, '--without', String(DAMAGE + 1));
    assert.equal(stdout, `It crashes all the same, in the same place: event ${grouped(crash)}, SIGSEGV.\n`);
    assert.equal(code, 1);
  });

  it('does not crash with a sane delay, and shows the changed event', async () => {
    const { code, stdout } = await whatIf('--set', `${DAMAGE}:delay_minutes=-90`, '--set', `${DAMAGE}:origin="SFO"`);
    assert.match(stdout.replace(/\s+/g, ' '), /^Event 377 is now \{.*delay_minutes = -90,.* origin = "SFO".*\} It does not crash: /);
    assert.equal(code, 0);
  });

  for (const { mistake, options, says } of [
    { mistake: 'nothing supposed', options: [], says: /Say what to suppose/ },
    { mistake: 'no number', options: ['--without', 'all'], says: /not "all"; for example --without 100-120/ },
    { mistake: 'backwards', options: ['--without', '20-10'], says: /not "20-10"/ },
    { mistake: 'an event that there is not', options: ['--without', '99999999'], says: /Event 99,999,999 .* events 0 to [\d,]+ can/ },
    { mistake: 'no assignment', options: ['--set', '5=3'], says: /EVENT:MEMBER=VALUE, not "5=3"/ },
    { mistake: 'no such member', options: ['--set', '5:price=3'], says: /Event 5 could not be changed: .*price/ },
    { mistake: 'too large a value', options: ['--set', '5:delay_minutes=5000000000'], says: /5000000000 does not fit into/ },
  ]) {
    it(`says what is wrong: ${mistake}`, async () => {
      const { code, stdout, stderr } = await whatIf(...options);
      assert.match(stderr.replace(/\s+/g, ' '), says);
      assert.deepEqual([code, stdout], [2, '']);
    });
  }
});
