import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { layoutDifferences, typeLayouts } from '../../../debug-adapter/gdb/type-layouts';
import { withDirectory } from '../../support/fixture-programs';

/** What differs in the type Event between two programs. */
const compared = (then: string, now: string): Promise<string[] | undefined> =>
  withDirectory(async (directory) => {
    const layoutIn = async (name: string, source: string) => {
      fs.writeFileSync(`${directory}/${name}.cc`, `#include <cstdint>\n${source}\nEvent event;\n`);
      execFileSync('g++', ['-g', '-c', '-o', `${directory}/${name}.o`, `${directory}/${name}.cc`]);
      return (await typeLayouts('gdb', `${directory}/${name}.o`, ['Event']))[0]!;
    };
    return layoutDifferences(await layoutIn('then', then), await layoutIn('now', now));
  });

const same: [title: string, then: string, now: string][] = [
  ['a member that has another name', 'struct Event { int a; long b; };', 'struct Event { int a; long amount; };'],
  ['a typedef, and an enum for its number', 'struct Event { int32_t a; };', 'enum Kind : int32_t { x }; using K = Kind; struct Event { K a; };'],
  ['what became the same of a base class', 'struct Event { int a; int b; };', 'struct Base { int a; }; struct Event : Base { int b; };'],
  ['a struct that has another name, and so have its members paths', 'struct Leg { int a; int b; }; struct Event { Leg leg[2]; };', 'struct Foot { int a; int b; }; struct Event { Foot foot[2]; };'],
  ['an enumerator more', 'enum Kind { x, y }; struct Event { Kind a; };', 'enum Kind { x, y, z }; struct Event { Kind a; };'],
]; // prettier-ignore

const different: [title: string, then: string, now: string, ...differences: string[]][] = [
  ['members that changed places', 'struct Event { int a; int b; };', 'struct Event { int b; int a; };',
    'a was at byte 0, and is at byte 4', 'b was at byte 4, and is at byte 0'],
  ['a member of another type', 'struct Event { long a; };', 'struct Event { double a; };', 'a was long, and is double'],
  ['a sign', 'struct Event { int a; };', 'struct Event { unsigned a; };', 'a was int, and is unsigned int'],
  ['a member in what was padding', 'struct Event { char a; int b; };', 'struct Event { char a; char more; int b; };', 'more, at byte 1, is new'],
  ['a member that became padding', 'struct Event { char a; char more; int b; };', 'struct Event { char a; int b; };', 'more, at byte 1, is gone'],
  ['inside of a struct, once', 'struct Leg { int a; int b; }; struct Event { int c; Leg leg[2]; };',
    'struct Leg { int b; int a; }; struct Event { Leg leg[2]; int c; };',
    'c was at byte 0, and is at byte 16', 'leg was at byte 4, and is at byte 0',
    'leg[].a was at byte 0 of leg[], and is at byte 4 of leg[]', 'leg[].b was at byte 4 of leg[], and is at byte 0 of leg[]'],
  ['in a nameless union', 'struct Event { int c; union { int a; float b; }; };', 'struct Event { union { int a; float b; }; int c; };',
    'c was at byte 0, and is at byte 4', 'a was at byte 4, and is at byte 0', 'b was at byte 4, and is at byte 0'],
  ['bits', 'struct Event { unsigned a : 3; unsigned b : 5; };', 'struct Event { unsigned a : 4; unsigned b : 4; };',
    'a was at bit 0 (3 wide), and is at bit 0 (4 wide)', 'b was at bit 3 (5 wide), and is at bit 4 (4 wide)'],
  ['the length of an array', 'struct Event { char a[4]; char b[4]; };', 'struct Event { char a[3]; char b[5]; };',
    'a was char [4] at byte 0, and is char [3] at byte 0', 'b was char [4] at byte 4, and is char [5] at byte 3'],
  ['the numbers of enumerators', 'enum class Side { buy, sell }; struct Event { Side a; };', 'enum class Side { none, buy, sell }; struct Event { Side a; };',
    'Side::buy was 0, and is 1', 'Side::sell was 1, and is 2'],
]; // prettier-ignore

describe('the layout of a type in two builds', function () {
  this.timeout(60_000); // compiles

  for (const [title, then, now] of same) it(`does not differ by ${title}`, async () => assert.deepEqual(await compared(then, now), []));
  for (const [title, then, now, ...differences] of different) {
    it(`differs by ${title}`, async () => assert.deepEqual(await compared(then, now), differences));
  }

  it('is not known of a type that is not in the debug information', async () => {
    assert.deepEqual(await typeLayouts('gdb', process.execPath, ['NoSuchType']), [undefined]);
  });
});
