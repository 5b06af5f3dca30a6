// How long one waits until a large core or recording has said what it is.
//
// The core is a kernel's, of a recorded program with 4 GiB of memory of which one page in 256 was touched: as large as any, but kind
// to the disk. The recording has 640 segments of 16 MiB; all but the last are holes behind their first pages, which is what opening
// reads of them. Each measurement is a process of its own; files are in the page cache; its greatest memory is reported as well.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);
const segments = 640;
const segmentBytes = 16 << 20;
const perSegment = 100_000;
let directory, core, recording;

export const title = 'opening: a core of 4 GiB, a recording of 10 GiB';
export const rounds = 5;

export function setUp() {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'afterimage-bench-'));
  core = makeCore();
  recording = makeRecording();
}

export function tearDown() {
  fs.rmSync(directory, { recursive: true, force: true });
}

export function round() {
  const ofCore = measure('import', `code.examineSummary(${JSON.stringify(core)}, {}).block.events`, 1000);
  const ofRecording = measure('recording', `code.openRecording(${JSON.stringify(recording)}).log(0).end`, segments * perSegment);
  return [
    { id: 'open.core4g_ms', value: ofCore.ms, unit: 'ms' },
    { id: 'open.recording10g_ms', value: ofRecording.ms, unit: 'ms' },
    { id: 'open.rss_mb', value: Math.max(ofCore.rss, ofRecording.rss), unit: 'MB' },
  ];
}

/** Starting Node and loading the code are not part of it. */
function measure(folder, expression, expected) {
  const script = `const code = require(${JSON.stringify(`${root}/out/debug-adapter/${folder}`)});
    const t = performance.now(); const value = ${expression}; const ms = performance.now() - t;
    console.log(JSON.stringify({ value, ms, rss: process.resourceUsage().maxRSS / 1000 }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  const result = stdout === '' ? { value: 0 } : JSON.parse(stdout);
  if (result.value !== expected) throw new Error(`opening gave ${result.value}: ${stderr}`);
  return result;
}

function makeCore() {
  const source = path.join(directory, 'large.cc');
  fs.writeFileSync(
    source,
    `#include <afterimage/recorder.h>
#include <sys/mman.h>
struct Event { int number; };
struct Reactor { int sum = 0; void react(const Event& e) { sum += e.number; if (e.number == 999) *(volatile int*)nullptr = 0; } };
int main() {
  auto recorder = afterimage::Recorder::open({.directory = "recordings"});
  auto reactor = recorder.create<Reactor>("reactor");
  const unsigned long bytes = 4ul << 30;
  char* memory = (char*)mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  for (unsigned long i = 0; i < bytes; i += 256 * 4096) memory[i] = 1;
  for (int i = 0; i < 1000; ++i) reactor.deliver(Event{i});
}
`,
  );
  const library = path.join(root, 'build/recorder');
  const options = [
    '-std=c++20',
    '-O1',
    `-I${root}/recorder/include`,
    `-L${library}`,
    `-Wl,-rpath,${library}`,
    source,
    '-o',
    `${directory}/large`,
  ];
  execFileSync('g++', [...options, '-lafterimage'], { stdio: 'inherit' });
  spawnSync('bash', ['-c', 'ulimit -c unlimited; exec ./large'], { cwd: directory, stdio: 'ignore' });
  const name = fs.readdirSync(directory).find((entry) => entry.startsWith('core'));
  if (name === undefined) throw new Error('no core was written: kernel.core_pattern must name a file in the current directory.');
  return path.join(directory, name);
}

function makeRecording() {
  const { SegmentWriter } = require(`${root}/out/test/support/mcap-writer.js`);
  const writer = require(`${root}/out/test/support/recording-writer.js`);
  const bundle = path.join(directory, 'large.afterimage');
  const total = segments * perSegment;
  const files = {
    'manifest.json': writer.manifest(),
    control: writer.control({ closed: true, reactors: [{ started: total, finished: total }] }),
    'r0/reactor.json': writer.reactorFile(0, 'orders', 'Orders'),
    [`r0/${writer.snapshotName(0)}`]: writer.snapshot({ position: 0 }),
  };
  writer.writeBundle(bundle, files);
  for (let i = 0; i < segments; i++) {
    const segment = new SegmentWriter({ uuid: writer.UUID, segment: i + 1, firstEvent: i * perSegment });
    segment.type({ id: 16, name: 'Order', bytes: 100 });
    const events = i === segments - 1 ? perSegment : 100;
    for (let event = 0; event < events; event++) segment.event(i * perSegment + event, 16, Buffer.alloc(100)).done(i * perSegment + event);
    const file = path.join(bundle, 'r0', writer.segmentName(i + 1));
    fs.writeFileSync(file, segment.live(0));
    fs.truncateSync(file, Math.max(fs.statSync(file).size, segmentBytes));
  }
  return bundle;
}
