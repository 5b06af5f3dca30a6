// npm run bench -- NAME [--rounds N] [--json]
//
// A bench is a program of recorder/bench/, NAME_bench, which prints rows "id value unit [rounds]"; or a module test/bench/NAME.mjs, which exports
//
//   title     one line: what is measured
//   rounds    how often by default
//   round()   measures once: [{ id, value, unit }]; or parts: several of those, of which one has all its rounds before the next begins
//   setUp()   optional, before the first round        tearDown()   optional, after the last
//
// The rounds of all rows (of a part) alternate, so that a machine that becomes busy disturbs them alike; the median is reported. The machine and
// its load before and after belong to the result: a figure without them means nothing.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const root = path.resolve(import.meta.dirname, '..');
const moduleFolder = path.join(root, 'test/bench');
const programFolder = path.join(root, 'build/recorder/bench');

class UsageError extends Error {}

function benchNames() {
  const named = (folder, ending) =>
    (fs.existsSync(folder) ? fs.readdirSync(folder) : [])
      .filter((file) => file.endsWith(ending))
      .map((file) => path.basename(file, ending));
  return [...named(moduleFolder, '.mjs'), ...named(programFolder, '_bench')].sort();
}

function load(name) {
  const module = path.join(moduleFolder, `${name}.mjs`);
  return fs.existsSync(module) ? import(module) : programBench(name, path.join(programFolder, `${name}_bench`));
}

/** A program is one round of all its rows. */
function programBench(name, program) {
  return {
    title: `${name}: rows of recorder/bench/${name}.cc`,
    rounds: 1, // it repeats and interleaves by itself
    round() {
      const { status, signal, stdout, stderr } = spawnSync(program, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`${program} ended with ${signal ?? status} and said:\n${stderr}`);
      const rows = stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' '));
      return rows.map(([id, value, unit, rounds = '1']) => ({ id, value: Number(value), unit, rounds: Number(rounds) }));
    },
  };
}

function parseCommandLine() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  const [name] = positionals;
  const names = benchNames();
  if (!names.includes(name)) {
    throw new UsageError(`${name === undefined ? 'Which bench?' : `There is no bench "${name}".`} There are: ${names.join(', ')}.`);
  }
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
    throw new UsageError(`--rounds wants a number above 0, not "${values.rounds}".`);
  }
  return { name, rounds, json: values.json };
}

function machine(loadBefore) {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cpus: cpus.length,
    memoryBytes: os.totalmem(),
    kernel: os.release(),
    node: process.versions.node,
    loadBefore,
    loadAfter: loadAverage(),
  };
}

const loadAverage = () => Math.round(os.loadavg()[0] * 100) / 100;

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** id -> { unit, values, rounds }, in the order of first appearance. A value may be the median of several rounds already. */
async function measure(bench, rounds) {
  const rows = new Map();
  const parts = bench.parts ?? [bench.round];
  const all = parts.flatMap((part) => Array(rounds).fill(part));
  for (const [i, measureOnce] of all.entries()) {
    if (process.stderr.isTTY) process.stderr.write(`\r${bench.title}: round ${i + 1} of ${all.length} `);
    for (const { id, value, unit, rounds = 1 } of await measureOnce()) {
      if (!rows.has(id)) rows.set(id, { unit, values: [], rounds: 0 });
      const row = rows.get(id);
      row.values.push(value);
      row.rounds += rounds;
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  return rows;
}

function summary(rows) {
  return [...rows].map(([id, { unit, values, rounds }]) => ({
    id,
    value: median(values),
    unit,
    rounds,
    min: Math.min(...values),
    max: Math.max(...values),
  }));
}

const figure = (value) => (Number.isInteger(value) ? value.toLocaleString('en') : value.toPrecision(4));

function print(title, rows, where) {
  console.log(title);
  console.log(`${where.cpu}, ${where.cpus} CPUs, Linux ${where.kernel}; load ${where.loadBefore} before, ${where.loadAfter} after`);
  for (const { id, value, unit, rounds, min, max } of rows) {
    const range = min === max ? '' : `: ${figure(min)} to ${figure(max)}`;
    console.log(`  ${id.padEnd(36)} ${figure(value).padStart(12)} ${unit}   (${rounds} rounds${range})`);
  }
}

async function main() {
  const { name, rounds, json } = parseCommandLine();
  const bench = await load(name);
  const loadBefore = loadAverage();
  await bench.setUp?.();
  let rows;
  try {
    rows = summary(await measure(bench, rounds ?? bench.rounds));
  } finally {
    await bench.tearDown?.();
  }
  const where = machine(loadBefore);
  if (json) console.log(JSON.stringify({ bench: name, machine: where, rows }));
  else print(bench.title, rows, where);
}

main().catch((error) => {
  console.error(`bench: ${error.message}`);
  process.exitCode = error instanceof UsageError || error.code?.startsWith('ERR_PARSE_ARGS') ? 64 : 1;
});
