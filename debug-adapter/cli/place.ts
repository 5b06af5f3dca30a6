// A place in code, for people.

import { type Place } from '../gdb/stack-places';
import { pathFromHere } from './output';

export function placeText({ function: name, file, line, module }: Place): string {
  if (file === '') return module === '' || name === '' ? name + module : `${name} in ${module}`;
  return name === '' ? `${pathFromHere(file)}:${line}` : `${name} (${pathFromHere(file)}:${line})`;
}
