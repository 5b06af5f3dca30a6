import assert from 'node:assert/strict';
import { assemble, assembleStorage } from '../../../debug-adapter/gdb/agent-expression';
import { parseSymbols } from '../../../debug-adapter/gdb/class-names';
import { withoutArrows } from '../../../debug-adapter/gdb/compile-expression';

describe('an expression compiled by gdb', () => {
  it('becomes the bytes of its listing, operands big-endian', () => {
    const listing = [
      'Scope: 0x2560',
      'Reg mask: 20',
      '  0  reg 5',
      '  3  const8 48',
      '  5  add',
      '  6  ref64',
      '  7  const16 500',
      ' 10  less_signed',
      ' 11  if_goto 17',
      ' 14  const8 0',
      ' 16  end',
    ].join('\n');
    const compiled = assemble(listing);
    assert.ok('code' in compiled);
    assert.equal(compiled.code.toString('hex'), '260005' + '2230' + '02' + '1a' + '2301f4' + '14' + '200011' + '2200' + '27');
  });

  it("may hold 64-bit constants, negative ones as two's complement", () => {
    const compiled = assemble('  0  const64 70368746536960\n  9  const8 -1\n 11  end');
    assert.ok('code' in compiled);
    assert.equal(compiled.code.toString('hex'), '25' + '0000400000240000' + '22ff' + '27');
  });

  const refused = [
    {
      title: 'that names a register other than those of this and the event',
      listing: '  0  reg 6\n  3  end',
      problem: /neither in the reactor nor/,
    },
    { title: 'with an operation that is not known', listing: '  0  ref_double\n  1  end', problem: /"ref_double"/ },
    { title: 'that gdb did not understand', listing: 'No symbol "x" in current context.\n', problem: /No symbol "x"/ },
  ];
  for (const { title, listing, problem } of refused) {
    it(`${title} is refused`, () => {
      const compiled = assemble(listing);
      assert.ok('problem' in compiled);
      assert.match(compiled.problem, problem);
    });
  }

  it('may say where something is stored, and how large it is', () => {
    const compiled = assembleStorage('  0  reg 5\n  3  trace_quick 8\n  5  ref64\n  6  const8 4\n  8  trace\n  9  end');
    assert.ok('code' in compiled);
    assert.equal(compiled.code.toString('hex'), '260005' + '2829' + '1a' + '2204' + '29' + '27', 'of the same length, for the jumps');
    assert.equal(compiled.bytes, 4);
  });

  it('that is stored nowhere has no address', () => {
    const compiled = assembleStorage('  0  reg 5\n  3  ref64\n  4  const8 1\n  6  add\n  7  end');
    assert.deepEqual(compiled, { problem: 'it is a value that is stored nowhere' });
  });

  const arrows: [string, string][] = [
    ['a->b', '(*(a)).b'],
    ['a->b->c > x.y->z', '(*((*(a)).b)).c > (*(x.y)).z'],
    ['(p + 1)->q[i->j] == 0', '(*((p + 1))).q[(*(i)).j] == 0'],
    ['a - b->c', 'a - (*(b)).c'],
  ];
  for (const [given, expected] of arrows) {
    it(`can do without arrows: ${given}`, () => assert.equal(withoutArrows(given), expected));
  }
});

describe('symbols at pointers', () => {
  it('are classes only where a virtual table is', () => {
    const listing = [
      '@16',
      'vtable for leak::Session + 16 in section .data.rel.ro of /opt/bugs',
      '@32',
      'No symbol matches 0x20.',
      '@48',
      'main + 4 in section .text of /opt/bugs',
      '@64',
      'vtable for std::_Sp_counted_ptr<A*, (__gnu_cxx::_Lock_policy)2> in section .data.rel.ro',
      '',
    ].join('\n');
    assert.deepEqual(
      [...parseSymbols(listing)],
      [
        [16n, 'leak::Session'],
        [64n, 'std::_Sp_counted_ptr<A*, (__gnu_cxx::_Lock_policy)2>'],
      ],
    );
  });
});
