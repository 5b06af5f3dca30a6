// npm run demo: what somebody would type after a crash in production, and what Afterimage answers.
//
// The program is fixtures/programs/flight-board, the input 3,000,000 real flight records. Nothing below knows where the bug is: the
// crash leads to an object, the object to its last writer, the last writer to the event.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import picocolors from 'picocolors';

const { DebugClient } = createRequire(import.meta.url)('@vscode/debugadapter-testsupport');

const root = path.resolve(import.meta.dirname, '..');
const program = 'build/recorder/fixtures/flight-board/flight-board';
const flights = 'build/data/flights-3m.bin';
const cli = 'dist/debug-adapter/cli.js';
const adapter = 'dist/debug-adapter/main.js';
process.chdir(root);

const pc = picocolors.createColors(Boolean(process.stdout.isTTY) && process.env.NO_COLOR === undefined);

class DemoError extends Error {}

const title = (text) => console.log(`\n${pc.bold(pc.cyan(text))}`);
const say = (text) => console.log(text);
const grouped = (number) => number.toLocaleString('en');

/** A command as somebody would type it, in lines that fit 80 columns. */
function typed(...words) {
  const lines = ['$'];
  for (const word of words) {
    if (lines.at(-1).length + 1 + word.length > 78) lines.push('   ');
    lines.push(`${lines.pop()} ${word}`);
  }
  say(pc.dim(lines.join(' \\\n')));
}

async function main() {
  title('1. In production: 3,000,000 flights are waiting, the recorder is linked in');
  const recording = await recordCrash();

  title('2. What was recorded');
  await afterimage('info', recording);

  title('3. Replayed in a process of its own: the same events, and the same crash');
  await afterimage('replay', recording);

  title('4. Where it crashed');
  const session = await Session.start(recording);
  try {
    const broken = await session.lookAtCrash();

    title('5. Which event wrote there last?');
    const event = await lastWriter(recording, broken);

    title('6. Back to that event');
    await afterimage('events', recording, '--from', String(event), '--count', '1', '--typed');
    await session.lookAtEvent(event);

    title('7. Would it have crashed without it?');
    await afterimage('what-if', recording, '--without', String(event));
  } finally {
    await session.stop();
  }

  title('8. And who has no idea where to begin: which events does the crash need?');
  await afterimage('reduce', recording);
  closing(recording);
}

async function recordCrash() {
  typed(program, flights, '--directory', 'recordings');
  const child = spawn(program, [flights, '--directory', 'recordings'], { stdio: 'inherit' });
  const [code, signal] = await once(child, 'exit');
  if (process.stderr.isTTY) say(''); // it died in the middle of its progress bar
  if (signal === null) throw new DemoError(`flight-board did not crash; it ended with exit code ${code}.`);
  const recording = fs.readdirSync('recordings').find((name) => name.endsWith(`-${child.pid}.afterimage`));
  if (recording === undefined) throw new DemoError('flight-board crashed, but left no recording in recordings/.');
  say(`It crashed: ${pc.red(signal)}. The recording is`);
  say(`  ${pc.bold(`recordings/${recording}`)}`);
  return `recordings/${recording}`;
}

/** Shows one afterimage command, as a person would type it, and its output. */
async function afterimage(...args) {
  typed('npx', 'afterimage', ...args);
  const [code] = await once(spawn(process.execPath, [cli, ...args], { stdio: 'inherit' }), 'exit');
  if (code !== 0) throw new DemoError(`afterimage ${args[0]} ended with exit code ${code}.`);
}

/** The event that last changed the 8 bytes at `address`, before the crash. */
async function lastWriter(recording, { address, crashEvent }) {
  const args = ['last-write', recording, '--address', address, '--bytes', '8', '--before', String(crashEvent)];
  await afterimage(...args);
  const { stdout } = spawnSync(process.execPath, [cli, ...args, '--json'], { encoding: 'utf8' });
  const { event } = JSON.parse(stdout);
  if (!event) throw new DemoError(`no event changed the memory at ${address}.`);
  say(`Event ${pc.bold(grouped(event.number))}: ${grouped(crashEvent - event.number)} events before the crash.`);
  return event.number;
}

/** A debug session, as VS Code would hold it: the same adapter, the same protocol. */
class Session {
  constructor(client, crashEvent) {
    this.client = client;
    this.crashEvent = crashEvent;
  }

  static async start(recording) {
    const client = new DebugClient(process.execPath, adapter, 'afterimage');
    client.defaultTimeout = 120_000;
    await client.start();
    await client.initializeRequest();
    const stopped = client.waitForEvent('stopped');
    await Promise.all([
      client.waitForEvent('initialized').then(() => client.configurationDoneRequest()),
      client.launchRequest({ recording: path.resolve(recording), program: path.resolve(program), stopAt: 'crash' }),
    ]);
    await stopped;
    const { body } = await client.customRequest('afterimage.timeline');
    return new Session(client, body.crashEvent);
  }

  /** Goes on from react() into the crash; answers which object is broken. */
  async lookAtCrash() {
    const stopped = this.client.waitForEvent('stopped');
    await this.client.continueRequest({ threadId: await this.thread() });
    const { body } = await stopped;
    say(`${pc.red(body.text ?? body.description ?? body.reason)}`);
    await this.showStack();
    // A virtual call: the object is in rdi, its first eight bytes are the address of its table of virtual functions.
    const address = await this.address('$rdi');
    say(`A virtual call: the object is at ${pc.bold(address)}, and says that its table of`);
    say(`virtual functions is at ${pc.bold(await this.address(`*(unsigned long*)${address}`))}, where no memory is.`);
    say('Somebody has overwritten it.');
    return { address, crashEvent: this.crashEvent };
  }

  async lookAtEvent(event) {
    const stopped = this.client.waitForEvent('stopped');
    await this.client.customRequest('afterimage.seek', { event });
    await stopped;
    say(`\nThe session has gone back to react() of event ${grouped(event)}, and the memory with it:`);
    await this.showStack();
    for (const expression of ['flight.delay_minutes', 'flights_']) say(`  ${expression} = ${pc.bold(await this.evaluate(expression))}`);
  }

  async stop() {
    await this.client.stop();
  }

  async thread() {
    return (await this.client.threadsRequest()).body.threads[0].id;
  }

  async frames() {
    return (await this.client.stackTraceRequest({ threadId: await this.thread(), levels: 4 })).body.stackFrames;
  }

  async showStack() {
    for (const { name, source, line } of await this.frames()) {
      const place = source?.path === undefined ? '' : `${path.relative(root, source.path)}:${line}`;
      say(`  ${name.padEnd(20)} ${pc.dim(place)}`);
    }
  }

  async evaluate(expression) {
    const [frame] = await this.frames();
    return (await this.client.evaluateRequest({ expression, frameId: frame.id, context: 'watch' })).body.result;
  }

  async address(expression) {
    return `0x${BigInt(await this.evaluate(`(unsigned long)(${expression})`)).toString(16)}`;
  }
}

function closing(recording) {
  title('The same in VS Code');
  say('  npm run package                              makes afterimage-VERSION.vsix');
  say('  code --install-extension afterimage-*.vsix');
  say('  then "Afterimage: Open Recording..." and choose');
  say(`  ${pc.bold(recording)}`);
  say(`\nThe bug itself is explained in fixtures/programs/flight-board/README.md.`);
}

// An adapter that dies leaves promises that nobody keeps, and Node then ends without a word.
let finished = false;
process.on('beforeExit', () => {
  if (finished) return;
  console.error('demo: the debug adapter ended unexpectedly.');
  process.exit(1);
});

main()
  .catch((error) => {
    console.error(`demo: ${error.message}`);
    process.exitCode = 1;
  })
  .finally(() => (finished = true));
