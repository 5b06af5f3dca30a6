// What functions are called in a report.

import assert from 'node:assert/strict';
import { shortFunction } from '../../../debug-adapter/gdb/stack-places';

describe('the short name of a function', () => {
  const names: readonly [full: string, short: string][] = [
    ['poll', 'poll'],
    ['Board::react(Flight const&)', 'Board::react'],
    ['(anonymous namespace)::commit_sleep(Worker&, Parcel const&) [clone .isra.0]', 'commit_sleep'],
    ['Resolver::lookup[abi:cxx11](char const*) const', 'Resolver::lookup'],
    ['std::istream& std::getline<char>(std::istream&, std::string&)', 'std::getline<char>'],
    ['decltype (({parm#1}).react()) afterimage::invoke<R, E>(R&, E const&)', 'afterimage::invoke<R, E>'],
    ['Matrix::operator()(int, int) const', 'Matrix::operator()'],
    ['bool operator< <int>(Price const&, Price const&)', 'operator< <int>'],
    ['operator new(unsigned long)', 'operator new'],
    ['World::react(Tick const&)::{lambda(int)#2}::operator()(int) const', 'a lambda in World::react'],
    ['operator()', 'a lambda'],
    ['', ''],
  ];
  for (const [full, short] of names) it(`${short || 'none'}, of ${full || 'none'}`, () => assert.equal(shortFunction(full), short));
});
