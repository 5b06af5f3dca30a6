// The path of a person with a crash, in a real VS Code: open the recording, look at the state at the crash, go back, set a
// breakpoint, step, go on. Every part is real: the .vsix, VS Code's server, the browser, the recording, gdb.
//
// The tests of one `describe` are one visit: each begins where the one before has left off.
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { openRecording } from '../../debug-adapter/recording';
import { afterimage } from '../support/cli';
import { programPath, recordCrash } from '../support/fixture-programs';
import { CodeServer, packageExtension } from './support/code-server';
import { dumpFlightBoard, flightBoardSource, lineOf, recordFlightBoard } from './support/flight-recording';
import { Workbench } from './support/workbench';

const FIRST_LINE = lineOf(flightBoardSource, '++flights_;');
const BREAKPOINT_LINE = lineOf(flightBoardSource, 'add_to_route(flight);');

const DAMAGE = 377; // the flight that arrived 212 minutes early

const event = (n: number): string => n.toLocaleString('en-US');

describe('in VS Code', function () {
  this.timeout(60_000);
  let folder: string;
  let recording: string;
  let crash: number;
  let server: CodeServer;
  let code: Workbench;

  before(async function () {
    this.timeout(600_000); // the first run installs code-server
    folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-vscode-')));
    fs.mkdirSync(path.join(folder, 'service'));
    recording = await recordFlightBoard(path.join(folder, 'service'));
    crash = openRecording(recording).crashedReactor()!.crashEvent!;
    fs.copyFileSync(flightBoardSource, path.join(folder, 'service/flight_board.cc'));
    server = await CodeServer.start(await packageExtension(path.join(folder, 'afterimage.vsix')));
  });

  after(async () => {
    await server?.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  afterEach(async function () {
    await code.screenshot(`${this.currentTest!.fullTitle()} ${this.currentTest!.state}`);
    assert.equal(await code.dialog().count(), 0, 'a dialog is open');
  });

  describe('a crash', () => {
    before(async () => {
      code = await Workbench.open(server.url, path.join(folder, 'service'));
    });
    after(() => code?.close());
    afterEach(async () => assert.equal(await code.errorNotifications().count(), 0, 'an error is shown'));

    it('is opened by command, and stops in react() of the crashing event', async () => {
      await code.command('Afterimage: Open Recording...');
      await code.quickPickRow(path.basename(recording)).click();
      await code.stoppedAt('FlightBoard::react', FIRST_LINE);
      await code.statusBar(`event ${event(crash)} of`).waitFor();
    });

    it('shows the elements of a std::map member', async () => {
      await code.variableIn(/^this/, 'airports_', '[0..99]', '"ABE"');
      await code.collapse(code.variable('airports_')); // what follows is in sight then
    });

    it('lists the events, with the crash marked', async () => {
      await code.showEvents();
      await code
        .eventRow(`${event(crash)}`)
        .filter({ hasText: 'crashed' })
        .waitFor();
    });

    it('shows what an event holds, as its C++ type has it', async () => {
      await code.eventRow(`${event(crash - 1)}`).hover();
      await code.hover(/delay_minutes = -?\d+,/).waitFor();
    });

    it('goes to the event before with a button', async () => {
      await code.showDebugger();
      await code.toolbarButton('Previous Event').click();
      await code.statusBar(`event ${event(crash - 1)} of`).waitFor();
      await code.stoppedAt('FlightBoard::react', FIRST_LINE);
    });

    it('stops at a breakpoint set in the gutter', async () => {
      await code.toggleBreakpoint(BREAKPOINT_LINE);
      await code.startOrContinue();
      await code.stoppedAt('FlightBoard::react', BREAKPOINT_LINE);
      await code.statusBar(`event ${event(crash - 1)} of`).waitFor();
    });

    it('steps over a line', async () => {
      await code.stepOver();
      await code.stoppedAt('FlightBoard::react', BREAKPOINT_LINE + 1);
    });

    it('goes to the next event with a button', async () => {
      await code.toolbarButton('Next Event').click();
      await code.statusBar(`event ${event(crash)} of`).waitFor();
      await code.stoppedAt('FlightBoard::react', FIRST_LINE);
    });

    it('goes to any event by a click in the list', async () => {
      await code.showEvents();
      await code.eventRow(`${event(crash - 2)}`).click();
      await code.statusBar(`event ${event(crash - 2)} of`).waitFor();
      await code.showDebugger();
      await code.stoppedAt('FlightBoard::react', FIRST_LINE);
    });

    it('goes to an event by its number', async () => {
      await code.toolbarButton('Go to Event').click();
      await code.enter(String(crash - 3));
      await code.statusBar(`event ${event(crash - 3)} of`).waitFor();
    });

    it('steps from there', async () => {
      await code.stepOver();
      await code.stoppedAt('FlightBoard::react', FIRST_LINE + 1);
      await code.toggleBreakpoint(BREAKPOINT_LINE);
    });

    it('continues to the crash', async () => {
      // With the call stack in sight, VS Code may ask for the stack twice; then it takes the first answer's top frame for
      // another one than the second's, and leaves out the box.
      await code.showEvents();
      await code.startOrContinue();
      await code.exception().waitFor();
      assert.match(await code.exception().innerText(), /SIGSEGV.*The same as recorded/s);
      await code.statusBar(`event ${event(crash)} of`).waitFor();
    });

    it('answers where something was so, and goes there with a click', async () => {
      await code.showDebugger();
      await code.toolbarButton('Find Events Where').click();
      await code.enter('flight.delay_minutes < -90');
      await code.answerRow(`#${event(DAMAGE)}`).click();
      await code.statusBar(`event ${event(DAMAGE)} of`).waitFor();
      await code.stoppedAt('FlightBoard::react', FIRST_LINE);
      await code.variable('delay_minutes = -212').waitFor(); // the view of the variables follows a moment later
    });

    it('filters the list by an expression, says so, and shows all again', async () => {
      await code.showEvents();
      await code.viewButton('Filter Events...').click();
      await code.enter('flight.delay_minutes < -90');
      const sentence = /^Filter: events where flight\.delay_minutes < -90\. Shown: 1 of [\d,]+ events, and the one that crashed\.$/;
      await code.sidebarText(sentence).waitFor();
      await code.eventRow(event(DAMAGE - 1)).waitFor({ state: 'detached' });
      await code.eventRow(event(DAMAGE)).waitFor();
      await code.eventRow(event(crash)).filter({ hasText: 'crashed' }).waitFor();
      assert.equal(await code.anyEventRow().count(), 2);
      await code.screenshot('the events filtered by an expression');
      await code.viewButton('Show All Events').click();
      await code.eventRow(event(DAMAGE - 1)).waitFor(); // the one before the row that is scrolled to
      await code.sidebarText(/Filter/).waitFor({ state: 'detached' });
    });

    it('filters the list by a text in the events', async () => {
      await code.viewButton('Filter Events...').click();
      await code.enter('ALB');
      await code.sidebarText(/^Filter: events with “ALB”\. Shown: [\d,]+ of [\d,]+ events\.$/).waitFor();
      const log = openRecording(recording).log(0);
      const first = [...log.events(0, log.end)].find(({ payload }) => payload.includes('ALB'))!.number;
      await code.eventRow(event(first)).click();
      await code.statusBar(`event ${event(first)} of`).waitFor();
      await code.screenshot('the events filtered by a text');
      await code.viewButton('Show All Events').click();
      await code.sidebarText(/Filter/).waitFor({ state: 'detached' });
      await code.toolbarButton('Go to Event').click();
      await code.enter(String(DAMAGE));
      await code.statusBar(`event ${event(DAMAGE)} of`).waitFor();
    });

    it('replays without an event, and with another one in its place', async () => {
      await code.contextMenu(code.eventRow(event(DAMAGE)), 'Replay Without This Event');
      // The answers show themselves.
      await code.selected(code.answerRow(`without #${event(DAMAGE)}, does not crash`)).waitFor();
      await code.showEvents();
      await code.contextMenu(code.eventRow(event(DAMAGE)), 'Replay With Changed Payload...');
      await code.inputBox('delay_minutes = -212').waitFor();
      await code.screenshot('asking for another payload');
      await code.enter('distance_miles = 1');
      await code.answerRow(`#${event(DAMAGE)} with distance_miles = 1, crashes all the same`).waitFor();
      await code.page.mouse.move(0, 0);
      await code.screenshot('what would have been');
      await code.stoppedAt('FlightBoard::react', FIRST_LINE);
    });

    it('answers which events the crash needs: that one, and the crashing one', async () => {
      await code.command('Afterimage: Which Events Does the Crash Need?');
      await code
        .answerRow('what the crash needs')
        .getByText(`2 events of ${event(crash + 1)}`)
        .waitFor();
      await code.answerRow(`#${event(crash)}`).waitFor();
      await code.page.mouse.move(0, 0);
      await code.screenshot('what the crash needs');
    });

    it('draws the events along the time, and goes where it is clicked', async () => {
      const timeline = await code.showTimeline();
      await timeline.getByRole('button', { name: `In an answer: event ${event(DAMAGE)}` }).waitFor();
      await timeline.getByRole('button', { name: `Crashed in event ${event(crash)}` }).click();
      await code.statusBar(`event ${event(crash)} of`).waitFor();
      await timeline.getByRole('button', { name: `The session stands at event ${event(crash)}` }).waitFor();
      await code.screenshot('the timeline');
      await timeline.getByRole('button', { name: `In an answer: event ${event(DAMAGE)}` }).click();
      await code.statusBar(`event ${event(DAMAGE)} of`).waitFor();
      await timeline.getByRole('button', { name: `The session stands at event ${event(DAMAGE)}` }).waitFor();
    });

    it('answers who wrote a variable last, and stands at the write', async () => {
      await code.contextMenu(await code.variableIn(/^this/, 'flights_'), 'Who Wrote This Last?');
      await code.statusBar(`event ${event(DAMAGE - 1)} of`).waitFor();
      await code.answerRow('who wrote this->flights_').waitFor();
      await code.stateOf('Paused before the write').waitFor();
      await code.stoppedIn('FlightBoard::react');
    });

    it('answers who allocated and freed something, and stays where it is', async () => {
      await code.contextMenu(await code.variableIn(/^this/, 'recent_'), 'Who Allocated and Freed This?');
      await code.answerRow('who allocated this->recent_').waitFor();
      await code.statusBar(`event ${event(DAMAGE - 1)} of`).waitFor();
    });

    it('says once why a question has no answer', async () => {
      await code.contextMenu(await code.variableIn(/^this/, 'recent_'), 'History of This Value');
      isClear(await code.notification(/it is a whole object/));
      assert.equal(await code.errorNotifications().count(), 1);
      await code.closeNotification();
    });

    it('goes back to where it was asked', async () => {
      await code.answerRow('who wrote this->flights_').click();
      await code.statusBar(`event ${event(DAMAGE)} of`).waitFor();
    });

    it('is opened with F5, without a launch.json', async () => {
      await code.stopDebugging();
      await code.startOrContinue();
      await code.showDebugger();
      await code.stoppedAt('FlightBoard::react', FIRST_LINE);
    });
  });

  describe('several reactors', () => {
    before(async () => {
      fs.mkdirSync(path.join(folder, 'exchange'));
      await recordCrash('three-reactors', path.join(folder, 'exchange'));
      code = await Workbench.open(server.url, path.join(folder, 'exchange'));
    });
    after(() => code?.close());

    it('are listed, and the one that crashed is replayed first', async () => {
      await code.contextMenu(code.explorerRow('.afterimage'), 'Open Recording...');
      await code.stoppedIn('Ledger::react');
      await code.showEvents();
      await code.eventRow('50').filter({ hasText: 'crashed' }).waitFor(); // scrolled to, so the other reactors are out of sight
      await code.collapseAllEvents();
      for (const reactor of ['ledger', 'matcher', 'gateway']) await code.reactorRow(reactor).waitFor();
    });

    it('a click on an event of another one starts its replay there', async () => {
      await code.expand(code.reactorRow('gateway'));
      await code.eventRow('10').click();
      await code.statusBar('event 10 of').waitFor();
      await code.showDebugger();
      await code.stoppedIn('Gateway::react');
    });
  });

  describe('a core dump', () => {
    let imports: string;

    before(async () => {
      imports = path.join(folder, 'imports');
      const there = path.join(folder, 'there');
      fs.mkdirSync(imports);
      fs.mkdirSync(there);
      const dumped = dumpFlightBoard(there);
      await importCore(dumped.core, path.join(imports, 'joined.afterimage'));
      fs.rmSync(dumped.recording, { recursive: true });
      await importCore(dumped.core, path.join(imports, 'alone.afterimage'));
      code = await Workbench.open(server.url, imports);
    });
    after(() => code?.close());

    it('alone: stops where the program ended, with stack and variables', async () => {
      await code.contextMenu(code.explorerRow('alone.afterimage'), 'Open Recording...');
      await code.stoppedIn('Airport::depart');
      await code.exception().waitFor();
      assert.match(await code.exception().innerText(), /SIGSEGV.*This is how the core dump has it/s);
      await code.variableIn('Reactor', 'airports_', '[0..99]', '"ABE"');
      await code.stackRow('FlightBoard::react').waitFor();
    });

    it('alone: says that the last events are all there is', async () => {
      await code.statusBar('core dump, last events').waitFor();
      await code.showEvents();
      await code.eventRow(event(crash)).filter({ hasText: 'crashed' }).waitFor();
      await code.sidebarText(/Its recording, .* is not here: its last [\d,]+ events are in the core/).waitFor();
    });

    it('alone: a move says why there is none', async () => {
      await code.toolbarButton('Previous Event').click();
      isClear(await code.notification(/nothing in it can move/));
      await code.showDebugger();
      await code.stoppedIn('Airport::depart');
      await code.stopDebugging();
    });

    it('with its recording: stops in react() of the crashing event, and replays to the crash', async () => {
      await code.showExplorer();
      await code.contextMenu(code.explorerRow('joined.afterimage'), 'Open Recording...');
      await code.showDebugger();
      await code.stoppedAt('FlightBoard::react', FIRST_LINE);
      await code.statusBar(`event ${event(crash)} of`).waitFor();
      await code.showEvents();
      await code.startOrContinue();
      await code.exception().waitFor();
      assert.match(await code.exception().innerText(), /SIGSEGV.*The same as recorded/s);
    });
  });

  describe('what cannot be replayed', () => {
    let broken: string;

    before(async () => {
      broken = path.join(folder, 'broken');
      copy('truncated', (bundle) => fs.truncateSync(path.join(bundle, 'r0/ev-00000001.mcap'), 200_000));
      copy('no-manifest', (bundle) => fs.truncateSync(path.join(bundle, 'manifest.json'), 100));
      copy('no-snapshot', (bundle) => snapshotsIn(bundle).forEach((file) => fs.truncateSync(file, fs.statSync(file).size / 2)));
      copy('32-bit', (bundle) => replaceIn(path.join(bundle, 'manifest.json'), /"wordBits":\s*64/, '"wordBits":32'));
      writeLaunchJson(broken, [
        { name: 'other build', recording, program: programPath('three-reactors') },
        { name: 'no program', recording, program: '/nowhere/flight-board' },
        { name: 'no gdb', recording, gdb: '/nowhere/gdb' },
        { name: 'no snapshot', recording: path.join(broken, 'no-snapshot.afterimage') },
      ]);
      code = await Workbench.open(server.url, broken);
    });
    after(() => code?.close());

    function copy(name: string, damage: (bundle: string) => void): void {
      const bundle = path.join(broken, `${name}.afterimage`);
      fs.cpSync(recording, bundle, { recursive: true });
      damage(bundle);
    }

    for (const { title, name, says } of [
      { title: 'a damaged manifest', name: 'no-manifest', says: /manifest.json is damaged/ },
      { title: 'a recording of a machine with another word size', name: '32-bit', says: /a word size of 32 bits/ },
    ]) {
      it(`${title} is one sentence, from the explorer`, async () => {
        await code.contextMenu(code.explorerRow(`${name}.afterimage`), 'Open Recording...');
        isClear(await code.notification(says));
      });
    }

    it('a truncated recording is opened as far as it goes, and says so', async () => {
      await code.contextMenu(code.explorerRow('truncated.afterimage'), 'Open Recording...');
      isClear(await code.notification(/ev-00000001.mcap is damaged after event \d+/));
      await code.statusBar('event').waitFor();
      await code.screenshot('in VS Code a truncated recording');
      await code.stopDebugging();
    });

    for (const { name, says } of [
      { name: 'other build', says: /build/ },
      { name: 'no program', says: /\/nowhere\/flight-board/ },
      { name: 'no gdb', says: /gdb/ },
      { name: 'no snapshot', says: /no usable snapshot/ },
    ]) {
      it(`${name}: one sentence with advice`, async function () {
        await code.command('Debug: Select and Start Debugging');
        await code.quickPickRow(name).click();
        await code.dialog().waitFor();
        await code.screenshot(`${this.test!.fullTitle()} dialog`);
        const text = await code.closeDialog();
        assert.match(text, says);
        isClear(text);
      });
    }
  });
});

/** With the command line, as people do. */
async function importCore(core: string, output: string): Promise<void> {
  const { code, stderr } = await afterimage(['import', core, '--output', output]);
  assert.equal(code, 0, stderr);
}

/** One or two sentences for people: no stack trace, no novel. */
function isClear(text: string): void {
  assert.doesNotMatch(text, /\n\s+at |Error:|undefined|\[object/);
  assert.ok(text.length < 400 && /[.!?]$/.test(text.trim()), text);
}

function writeLaunchJson(workspace: string, configurations: { name: string; [attribute: string]: string }[]): void {
  const complete = configurations.map((configuration) => ({ type: 'afterimage', request: 'launch', ...configuration }));
  fs.mkdirSync(path.join(workspace, '.vscode'));
  fs.writeFileSync(path.join(workspace, '.vscode/launch.json'), JSON.stringify({ version: '0.2.0', configurations: complete }));
}

const snapshotsIn = (bundle: string): string[] =>
  fs.readdirSync(path.join(bundle, 'r0')).filter((name) => name.startsWith('snap-')).map((name) => path.join(bundle, 'r0', name)); // prettier-ignore

function replaceIn(file: string, what: RegExp, by: string): void {
  const before = fs.readFileSync(file, 'utf8');
  assert.match(before, what);
  fs.writeFileSync(file, before.replace(what, by));
}
