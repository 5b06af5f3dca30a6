import assert from 'node:assert/strict';
import { MiRecord, parseMiLine } from '../../../debug-adapter/gdb/mi-parser';

describe('reading a line of GDB/MI', () => {
  const cases: { title: string; line: string; want: MiRecord }[] = [
    { title: 'the prompt', line: '(gdb) ', want: { kind: 'prompt' } },
    { title: 'a result without values', line: '^done', want: { kind: 'result', token: undefined, name: 'done', results: {} } },
    {
      title: 'a result with a token',
      line: '12^error,msg="No symbol \\"x\\" in current context."',
      want: { kind: 'result', token: 12, name: 'error', results: { msg: 'No symbol "x" in current context.' } },
    },
    {
      title: 'nested tuples and lists',
      line: '^done,bkpt={number="1",locations=[{number="1.1",addr="0x10"},{number="1.2"}],groups=["i1"],none=[],empty={}}',
      want: {
        kind: 'result',
        token: undefined,
        name: 'done',
        results: {
          bkpt: { number: '1', locations: [{ number: '1.1', addr: '0x10' }, { number: '1.2' }], groups: ['i1'], none: [], empty: {} },
        },
      },
    },
    {
      title: 'a list of results keeps the values',
      line: '^done,stack=[frame={level="0"},frame={level="1"}]',
      want: { kind: 'result', token: undefined, name: 'done', results: { stack: [{ level: '0' }, { level: '1' }] } },
    },
    {
      title: 'a name that is repeated becomes a list',
      line: '^done,thread-ids={thread-id="1",thread-id="2",thread-id="3"}',
      want: { kind: 'result', token: undefined, name: 'done', results: { 'thread-ids': { 'thread-id': ['1', '2', '3'] } } },
    },
    {
      title: 'what happened to the program',
      line: '*stopped,reason="breakpoint-hit",bkptno="2",frame={func="react",args=[]},core="1"',
      want: {
        kind: 'exec',
        token: undefined,
        name: 'stopped',
        results: { reason: 'breakpoint-hit', bkptno: '2', frame: { func: 'react', args: [] }, core: '1' },
      },
    },
    { title: 'progress', line: '+download,a="1"', want: { kind: 'status', token: undefined, name: 'download', results: { a: '1' } } },
    {
      title: 'other news',
      line: '=thread-group-added,id="i1"',
      want: { kind: 'notify', token: undefined, name: 'thread-group-added', results: { id: 'i1' } },
    },
    { title: 'console text', line: '~"a\\tb\\n"', want: { kind: 'console', text: 'a\tb\n' } },
    { title: 'output of the program', line: '@"x"', want: { kind: 'target', text: 'x' } },
    { title: 'log text', line: '&"warning: \\\\ here\\n"', want: { kind: 'log', text: 'warning: \\ here\n' } },
    { title: 'octal escapes as bytes of UTF-8', line: '~"Z\\303\\274rich"', want: { kind: 'console', text: 'Zürich' } },
    { title: 'UTF-8 beside escapes', line: '~"Zürich\\n…"', want: { kind: 'console', text: 'Zürich\n…' } },
    { title: 'a short octal escape', line: '~"\\0\\0331"', want: { kind: 'console', text: '\0\x1b1' } },
    {
      title: 'names of JavaScript’s own',
      line: '^done,constructor="a",hasOwnProperty="b"',
      want: { kind: 'result', token: undefined, name: 'done', results: { constructor: 'a', hasOwnProperty: 'b' } as never },
    },
  ];
  for (const { title, line, want } of cases) {
    it(title, () => assert.deepEqual(parseMiLine(line), want));
  }

  const foreign = [
    '',
    'hello',
    '^',
    '12',
    '~',
    '~"open',
    '~"bad \\q"',
    '^done,',
    '^done,a',
    '^done,a=',
    '^done,a={b="1"',
    '^done,a="1"x',
    '~"a"b',
  ];
  for (const line of foreign) {
    it(`takes ${JSON.stringify(line)} as the program's own text`, () => assert.deepEqual(parseMiLine(line), { kind: 'text', text: line }));
  }

  it('keeps a result named __proto__ as data', () => {
    const record = parseMiLine('^done,a={__proto__="x"}');
    assert.ok(record.kind === 'result');
    assert.deepEqual(Object.entries(record.results.a as object), [['__proto__', 'x']]);
  });

  it('does not recurse without end', () => {
    assert.equal(parseMiLine('^done,a=' + '['.repeat(100_000)).kind, 'text');
  });
});

describe('GDB/MI, at random', () => {
  // Fixed seeds: a failure can be repeated.
  const randomFrom = (seed: number) => () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;

  const written = (value: unknown): string => {
    if (typeof value === 'string')
      return JSON.stringify(value)
        .replace(/\\u[0-9a-f]{4}/g, octal)
        .replace(/[^\x20-\x7e]/g, octalOf);
    if (Array.isArray(value)) return `[${value.map(written).join(',')}]`;
    return `{${Object.entries(value as object)
      .map(([name, inner]) => `${name}=${written(inner)}`)
      .join(',')}}`;
  };
  const octal = (escape: string) => octalOf(String.fromCharCode(parseInt(escape.slice(2), 16)));
  const octalOf = (character: string) => [...Buffer.from(character)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');

  const characters = ['a', 'Z', '"', '\\', '\n', '\t', '{', '}', '[', ',', '=', '7', 'ü', '…', '\x01', ' '];
  const randomText = (random: () => number) =>
    Array.from({ length: Math.floor(random() * 9) }, () => characters[Math.floor(random() * characters.length)]).join('');
  const randomValue = (random: () => number, depth: number): unknown => {
    const kind = depth > 3 ? 0 : Math.floor(random() * 3);
    const size = Math.floor(random() * 4);
    if (kind === 0) return randomText(random);
    const inner = () => randomValue(random, depth + 1);
    if (kind === 1) return Array.from({ length: size }, inner);
    return Object.fromEntries(Array.from({ length: size }, (_, index) => [`name-${index}`, inner()]));
  };

  it('reads back whatever was written', () => {
    const random = randomFrom(1);
    for (let round = 0; round < 2000; round++) {
      const value = { value: randomValue(random, 0) };
      const line = `${round}^done,${written(value).slice(1, -1)}`;
      assert.deepEqual(parseMiLine(line), { kind: 'result', token: round, name: 'done', results: value }, line);
    }
  });

  it('never throws on damaged lines', () => {
    const random = randomFrom(2);
    for (let round = 0; round < 5000; round++) {
      const line = `*stopped,${written({ value: randomValue(random, 0) }).slice(1, -1)}`;
      const at = Math.floor(random() * line.length);
      const damaged = line.slice(0, at) + randomText(random) + line.slice(at + Math.floor(random() * 3));
      assert.ok(parseMiLine(damaged).kind);
    }
  });
});
