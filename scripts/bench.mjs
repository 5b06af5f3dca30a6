// npm run bench -- NAME [--rounds N] [--json]
//
// A bench is a module test/bench/NAME.mjs which exports
//
//   title     one line: what is measured
//   rounds    how often by default
//   round()   measures once: [{ id, value, unit }]
//   setUp()   optional, before the first round        tearDown()   optional, after the last
//
// The rounds of all rows alternate, so that a machine that becomes busy disturbs them alike; the median is reported. The machine and
// its load before and after belong to the result: a figure without them means nothing.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const folder = path.resolve(import.meta.dirname, '../test/bench');

class UsageError extends Error {}

function benchNames() {
  const files = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  return files.filter((file) => file.endsWith('.mjs')).map((file) => path.basename(file, '.mjs'));
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
    loadAfter: load(),
  };
}

const load = () => Math.round(os.loadavg()[0] * 100) / 100;

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** id -> { unit, values }, in the order of first appearance. */
async function measure(bench, rounds) {
  const rows = new Map();
  for (let round = 1; round <= rounds; round++) {
    if (process.stderr.isTTY) process.stderr.write(`\r${bench.title}: round ${round} of ${rounds} `);
    for (const { id, value, unit } of await bench.round()) {
      if (!rows.has(id)) rows.set(id, { unit, values: [] });
      rows.get(id).values.push(value);
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  return rows;
}

function summary(rows) {
  return [...rows].map(([id, { unit, values }]) => ({
    id,
    value: median(values),
    unit,
    rounds: values.length,
    min: Math.min(...values),
    max: Math.max(...values),
  }));
}

const figure = (value) => (Number.isInteger(value) ? value.toLocaleString('en') : value.toPrecision(4));

function print(title, rows, where) {
  console.log(title);
  console.log(`${where.cpu}, ${where.cpus} CPUs, Linux ${where.kernel}; load ${where.loadBefore} before, ${where.loadAfter} after`);
  for (const { id, value, unit, rounds, min, max } of rows) {
    console.log(`  ${id.padEnd(36)} ${figure(value).padStart(12)} ${unit}   (${rounds} rounds: ${figure(min)} to ${figure(max)})`);
  }
}

async function main() {
  const { name, rounds, json } = parseCommandLine();
  const bench = await import(path.join(folder, `${name}.mjs`));
  const loadBefore = load();
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
