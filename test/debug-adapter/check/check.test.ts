// afterimage check on programs with and without sins. One run commits all of them; each test looks for its own.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Issue } from '../../../debug-adapter/check';
import { afterimage } from '../../support/cli';
import { flightsFile, programPath, root, withDirectory } from '../../support/fixture-programs';

interface Report {
  exitCode: number | null;
  signal: string | null;
  clean: boolean;
  errors: number;
  warnings: number;
  notes: number;
  suppressed: number;
  events: number;
  problems: string[];
  issues: (Issue & { advice: string })[];
}

const unfaithful = programPath('unfaithful');
const sinsFile = path.join(root, 'fixtures/programs/unfaithful/sins.cc');

/** Everything but the crash, which would end the others. */
const ALL_SINS = [
  'pointer', 'nested-pointer', 'closure', 'stack-pointer', 'neighbour', 'own-global', 'shared-global', 'library-global', 'thread-local',
  'owning-global', 'owning-thread-local', 'thread', 'lock', 'sleep', 'poll', 'file', 'process', 'time-stamp', 'raw-system-call',
  'unrecorded-call', 'look-up', 'getauxval',
]; // prettier-ignore

async function checked(options: readonly string[], program: string, args: readonly string[]) {
  const result = await afterimage(['check', '--json', ...options, '--', program, ...args]);
  assert.notEqual(result.stdout, '', result.stderr);
  return { code: result.code, stderr: result.stderr, report: JSON.parse(result.stdout) as Report };
}

const summary = ({ issues, problems }: Report) => [...issues.map(({ severity, id }) => `${severity}: ${id}`), ...problems].join('\n');

/** The line of the statement in sins.cc, so that the tests need not be told. */
function lineOf(statement: string): number {
  const lines = fs.readFileSync(sinsFile, 'utf8').split('\n');
  const index = lines.findIndex((line) => line.includes(statement));
  assert.ok(index >= 0, `${statement} is not in sins.cc`);
  return index + 1;
}

describe('afterimage check', function () {
  this.timeout(120_000);

  describe('finds', () => {
    let report: Report;
    let code: number | null;
    before(async () => {
      ({ report, code } = await checked([], unfaithful, ['--sins', ALL_SINS.join(',')]));
    });

    function issue(id: string): Issue & { advice: string } {
      const found = report.issues.find((candidate) => candidate.id === id);
      assert.ok(found, `${id} is missing in:\n${summary(report)}`);
      return found;
    }

    function writtenAt(found: Issue, functionName: string, statement: string): void {
      const place = found.places.find((candidate) => candidate.place.function === functionName)?.place;
      assert.ok(place, JSON.stringify(found.places));
      assert.deepEqual([place.file, place.line], [sinsFile, lineOf(statement)]);
    }

    it('a pointer to the ordinary heap, by its member, with who has allocated what it leads to', () => {
      const { severity, what, places } = issue('pointer Worker.cache_');
      assert.equal(severity, 'error');
      assert.match(what, /^Worker\.cache_ : Route \* leads to the ordinary heap, a block of 40 bytes$/);
      assert.deepEqual(
        places.map(({ place }) => [place.function, place.line]),
        [
          ['load_route', lineOf('return new Route')],
          ['commit_pointer', lineOf('worker.cache_ = load_route()')],
        ],
      );
    });

    it('a pointer inside of a container, for all its elements at once', () => {
      assert.match(issue('pointer Worker.routes_[*]').what, /std::unique_ptr<Route> leads to the ordinary heap/);
    });

    it('a pointer that a function object holds, by the member through which it is reached', () => {
      const { severity, what, places } = issue('pointer Worker.on_parcel_');
      assert.equal(severity, 'warning');
      assert.match(what, /^Worker\.on_parcel_ : std::function<void\(\)> has a block of \d+ bytes, and that a pointer to the ordinary heap/);
      assert.equal(places[0]?.place.function, 'load_route');
    });

    it('a pointer to a stack', () => assert.equal(issue('pointer Worker.local_').what, 'Worker.local_ : const int * leads to a stack'));

    it('a pointer to another reactor, and a write through it', () => {
      assert.match(issue('pointer Worker.neighbour_').what, /leads to the heap of reactor other$/);
      writtenAt(issue('other-reactor other commit_neighbour'), 'commit_neighbour', 'worker.neighbour_->total_ += ');
    });

    it('a variable that the program changes, too', () => {
      const shared = issue('global g_shared');
      assert.equal(shared.severity, 'error');
      assert.match(shared.what, /changes between events, too/);
      assert.equal(shared.count, 3);
      writtenAt(shared, 'commit_shared_global', '++g_shared');
    });

    it('a variable that only the reactor changes, but merely as a note: snapshots have it', () => {
      const own = issue('global g_delivered');
      assert.equal(own.severity, 'note');
      writtenAt(own, 'commit_own_global', '++g_delivered');
    });

    it('a variable of a library, likewise', () => {
      const { severity, what, places } = issue('global g_charged');
      assert.equal(severity, 'note');
      assert.match(what, /of libtariffs\.so/);
      assert.equal(places[0]?.place.function, 'charge');
    });

    it('a thread-local variable, likewise', () => {
      const { severity, what, places } = issue('thread-local t_scratch');
      assert.equal(severity, 'note');
      assert.match(what, /^t_scratch : /);
      assert.equal(places[0]?.place.line, lineOf('thread_local std::uint64_t t_scratch'));
    });

    it('variables that own what goes with the reactor', () => {
      const last = report.issues.find(({ id }) => /^global commit_owning_global.*::last$/.test(id));
      assert.ok(last, summary(report));
      const cache = issue('thread-local t_cache');
      assert.match(cache.what, /^t_cache : std::vector<[^<>]+>, which leads into the heap of reactor worker$/);
      assert.match(last.what, /, which leads into the heap of reactor worker$/);
      assert.deepEqual([last.severity, cache.severity], ['warning', 'warning']);
    });

    it('a thread that is started, and the wait for its end', () => {
      const thread = issue('thread commit_thread');
      assert.equal(thread.count, 3);
      writtenAt(thread, 'commit_thread', 'std::thread([] {})');
    });

    it('waiting for a condition', () => {
      const waits = report.issues.find(({ id }) => /^wait pthread_cond_\w+ commit_lock$/.test(id));
      assert.ok(waits, summary(report));
      assert.equal(waits.severity, 'error');
      writtenAt(waits, 'commit_lock', 'g_changed.wait_for(');
    });

    it('sleeping', () => assert.equal(issue('wait clock_nanosleep commit_sleep').severity, 'warning'));
    it('waiting for a peer', () => assert.match(issue('wait poll commit_poll').what, /may wait for a peer/));
    it('reading a file, but merely as a note: it is recorded', () => assert.equal(issue('wait read commit_file').severity, 'note'));

    it('waiting for a process, which runs as if nobody watched its parent', () => {
      assert.match(issue('wait wait4 commit_process').what, /waits for another process/);
      assert.equal(report.exitCode, 0);
    });

    it('reading the time-stamp counter', () => {
      writtenAt(issue('instruction commit_time_stamp'), 'commit_time_stamp', '__rdtsc()');
    });

    it('that the program has hardware random numbers, but merely as a note: nobody knows whether react() comes to them', () => {
      const rdrand = issue('instruction commit_hardware_random');
      assert.equal(rdrand.severity, 'note');
      writtenAt(rdrand, 'commit_hardware_random', '_rdrand64_step');
    });

    it('a system call past the C library', () => {
      assert.match(issue('call getppid commit_raw_system_call').what, /made past the C library/);
    });

    it('a call that nobody records, and says how to have it recorded', () => {
      const call = issue('call socketpair commit_unrecorded_call');
      assert.equal(call.severity, 'error');
      assert.match(call.advice, /afterimage::input/);
      writtenAt(call, 'commit_unrecorded_call', 'socketpair(');
    });

    it('a call that makes several system calls, of which some may wait, once', () => {
      const calls = report.issues.filter(({ id }) => id.endsWith(' commit_look_up'));
      assert.deepEqual(
        calls.map(({ id }) => id),
        ['call getaddrinfo commit_look_up'],
      );
      assert.match(calls[0]!.what, /^getaddrinfo/);
    });

    it('a call without a system call', () => assert.equal(issue('call getauxval commit_getauxval').severity, 'warning'));

    it('and fails, the worst first', () => {
      assert.equal(code, 1);
      assert.equal(report.clean, false);
      const ranks = report.issues.map(({ severity }) => ['error', 'warning', 'note'].indexOf(severity));
      assert.deepEqual(ranks, [...ranks].sort());
      assert.deepEqual(report.problems, []);
    });
  });

  describe('finds nothing', () => {
    const virtuous: readonly [title: string, program: string, args: readonly string[]][] = [
      ['in a reactor that keeps to itself', unfaithful, []],
      ['in flight-board', programPath('flight-board'), [flightsFile, '--limit', '5000']],
      ['in three-reactors, which deliver to one another, until it crashes', programPath('three-reactors'), []],
    ];
    for (const [title, program, args] of virtuous) {
      it(title, async () => {
        const { code, report } = await checked([], program, args);
        assert.equal(summary({ ...report, issues: report.issues.filter(({ severity }) => severity !== 'note') }), '');
        assert.deepEqual([code, report.clean], [0, true]);
        assert.ok(report.events > 0);
      });
    }
  });

  it('knows which variables snapshots leave out', async () => {
    const leftOut = { AFTERIMAGE_VARIABLES_OF: 'auto,-libtariffs' };
    const result = await afterimage(['check', '--', unfaithful, '--sins', 'library-global,own-global'], leftOut);
    assert.match(result.stdout, /\u2717 g_charged : \S+, of libtariffs\.so, which snapshots leave out\n/);
    assert.match(result.stdout, /\u00b7 g_delivered : /);
    assert.equal(result.code, 1);
  });

  it('says of a program without symbols what can be known, and how to know more', async () => {
    await withDirectory(async (directory) => {
      const stripped = path.join(directory, 'stripped');
      execFileSync('strip', ['-o', stripped, unfaithful]);
      const { code, stdout } = await afterimage(['check', '--', stripped, '--sins', 'pointer,shared-global,owning-thread-local']);
      assert.match(stdout, /Worker: a block of \d+ bytes, which no member leads to by its type, has a\s+pointer to the ordinary heap/);
      assert.match(stdout, /data of stripped, which changes between events, too\n +written by stripped\+0x[0-9a-f]+\n/);
      assert.match(stdout, /data of stripped, which leads into the heap of reactor worker\n/);
      assert.match(stdout, /stripped has no debug information\. Build it with -g/);
      assert.equal(code, 1);
    });
  });

  it('shows what is worst first, and of notes only where they are', async () => {
    const { stdout } = await afterimage(['check', '--', unfaithful, '--sins', 'own-global,sleep,stack-pointer']);
    const titles = ['Pointers that lead out of the reactor', 'Waiting', 'Variables outside of the reactor'];
    assert.deepEqual(
      stdout.split('\n').filter((line) => titles.includes(line)),
      titles,
    );
    assert.match(stdout, /Variables outside of the reactor\n {2}\u00b7 g_delivered : \S+\n {6}written by commit_own_global \(.*\)\n\n/);
    assert.ok(stdout.split('\n').every((line) => line.length <= 80));
  });

  it('reports on a program that crashes', async () => {
    const { report } = await checked([], unfaithful, ['--sins', 'sleep,crash']);
    assert.equal(report.signal, 'SIGSEGV');
    assert.equal(report.issues[0]?.id, 'wait clock_nanosleep commit_sleep');
  });

  it('reports on a program that is stopped with Ctrl-C', async () => {
    const args = [`${root}/dist/debug-adapter/cli.js`, 'check', '--', unfaithful, '--wait', '--sins', 'sleep'];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'ignore'], detached: true });
    try {
      let seen = '';
      for await (const piece of child.stdout) {
        const had = seen;
        seen += String(piece);
        // As the terminal does: to the whole group.
        if (!had.includes('all delivered') && seen.includes('all delivered')) process.kill(-child.pid!, 'SIGINT');
      }
      assert.match(seen, /It was ended by SIGINT/);
      assert.match(seen, /clock_nanosleep sleeps/);
    } finally {
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL');
    }
    if (child.exitCode === null) await once(child, 'exit');
    assert.equal(child.exitCode, 1);
  });

  it('leaves out what is known', async () => {
    await withDirectory(async (directory) => {
      const known = path.join(directory, 'known.txt');
      fs.writeFileSync(known, '# sleeps on purpose\nwait * commit_sleep  # since 2019\nglobal g_*\n');
      const { code, report } = await checked(['--suppress', known], unfaithful, ['--sins', 'sleep,shared-global']);
      assert.deepEqual([code, summary(report), report.suppressed], [0, 'note: instruction commit_hardware_random', 2]);

      fs.writeFileSync(known, 'sleeps on purpose\n');
      const refused = await afterimage(['check', '--suppress', known, '--', unfaithful]);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, /known\.txt:1: "sleeps on purpose" is no suppression/);
    });
  });

  it('keeps the output of the program, which comes first', async () => {
    const { stdout } = await afterimage(['check', '--', unfaithful]);
    assert.match(stdout, /^all delivered\n\nunfaithful: 2 reactors, 3 events, /);
    assert.match(stdout, /Nothing was seen that would make a replay unfaithful; 1 note\.\n/);
  });

  it('fails when there was nothing to check', async () => {
    const { code, stdout } = await afterimage(['check', '--', unfaithful, '--events', '0']);
    assert.equal(code, 1);
    assert.match(stdout, /No reactor received an event/);
  });

  it('says what it cannot check', async () => {
    const refusals: [string, RegExp][] = [
      ['no-such-program', /was not found/],
      ['/bin/true', /is not linked with libafterimage\.so/],
      [`${root}/scripts/test`, /is not a dynamically linked x86-64 program/],
    ];
    for (const [program, message] of refusals) {
      const { code, stderr } = await afterimage(['check', '--', program]);
      assert.equal(code, 2, program);
      assert.match(stderr, message);
    }
  });
});
