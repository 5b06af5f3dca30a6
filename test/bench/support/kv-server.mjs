// What recording costs a server: kv-server under redis-benchmark, recorded and not.
//
// Both servers run all the time and take turns, command by command, so that a busy machine disturbs them alike; who is first
// changes. A figure is the median over the commands of recorded / plain: a mean would be that of the worst disturbance. redis-benchmark has a core of its own only if
// the machine has one to spare. What the processor was busy for, all threads of the server together, hardly depends on others.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const commands = ['ping_mbulk', 'set', 'get', 'incr', 'lpush', 'lpop', 'sadd', 'spop', 'hset', 'zadd', 'zpopmin', 'mset'];
const program = path.resolve(import.meta.dirname, '../../../build/recorder/fixtures/kv-server/kv-server');
const requests = 50_000;
const clients = 50;
const pipelined = 16;

export class KvServers {
  /** Two servers on free ports; `directory` is for the recording. */
  static async start(directory) {
    return new KvServers(await listen(['--no-record']), await listen(['--directory', directory]));
  }

  constructor(plain, recorded) {
    this.plain = plain;
    this.recorded = recorded;
    this.rounds = 0;
  }

  async round() {
    const order = this.rounds++ % 2 === 0 ? ['plain', 'recorded'] : ['recorded', 'plain'];
    const single = await this.compare(order, []);
    const pipeline = await this.compare(order, ['-P', String(pipelined)]);
    return [
      { id: 'overhead.kv.throughput', value: single.rate, unit: 'recorded/plain' },
      { id: 'overhead.kv.p99', value: single.p99Ms, unit: 'recorded/plain' },
      { id: 'overhead.kv.cpu', value: single.cpuNs, unit: 'recorded/plain' },
      { id: 'overhead.kv.plain_cpu_ns', value: single.plainCpuNs, unit: 'ns/request' },
      { id: `overhead.kv.pipelined${pipelined}.throughput`, value: pipeline.rate, unit: 'recorded/plain' },
      { id: `overhead.kv.pipelined${pipelined}.cpu`, value: pipeline.cpuNs, unit: 'recorded/plain' },
      { id: `overhead.kv.pipelined${pipelined}.plain_cpu_ns`, value: pipeline.plainCpuNs, unit: 'ns/request' },
    ];
  }

  /** Ratios of all figures, over all commands; and what a request costs when nothing is recorded. */
  async compare(order, options) {
    const pairs = [];
    for (const command of commands) {
      const pair = {};
      for (const which of order) pair[which] = await load(this[which], command, options);
      pairs.push(pair);
    }
    const ratio = (figure) => median(pairs.map(({ plain, recorded }) => recorded[figure] / plain[figure]));
    const plainCpuNs = median(pairs.map(({ plain }) => plain.cpuNs));
    return { rate: ratio('rate'), p99Ms: ratio('p99Ms'), cpuNs: ratio('cpuNs'), plainCpuNs };
  }

  async stop() {
    for (const { child, ended } of [this.plain, this.recorded]) {
      child.kill('SIGTERM');
      await ended;
    }
  }
}

async function listen(options) {
  const child = spawn(program, options, { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  process.once('exit', () => child.kill('SIGKILL'));
  const [line] = await Promise.race([once(child.stdout, 'data'), ended]);
  const port = /:(\d+)/.exec(String(line))?.[1];
  if (port === undefined) throw new Error(`${program} does not listen; it ended with ${line}`);
  return { child, ended, port };
}

/** One command: requests a second, the latency that one in a hundred exceeds, and the server's own time for a request. */
async function load({ child, port }, command, options) {
  const args = ['-p', port, '-t', command, '-n', String(requests), '-c', String(clients), '--csv', ...options];
  const before = cpuNs(child.pid);
  const { stdout } = await promisify(execFile)('redis-benchmark', args);
  const after = cpuNs(child.pid);
  const [titles, figures] = stdout.trim().split('\n').map((line) => line.split(',').map((cell) => cell.replaceAll('"', ''))); // prettier-ignore
  const figure = (title) => Number(figures[titles.indexOf(title)]);
  return { rate: figure('rps'), p99Ms: figure('p99_latency_ms'), cpuNs: (after - before) / requests };
}

/** Of all threads that live. */
function cpuNs(pid) {
  const threads = fs.readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + Number(fs.readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]), 0);
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
