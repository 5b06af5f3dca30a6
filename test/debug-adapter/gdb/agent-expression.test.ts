import assert from 'node:assert/strict';
import { assemble } from '../../../debug-adapter/gdb/agent-expression';

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
});
