// A file of findings that are known and accepted: an id a line, `*` for any text, `#` begins a comment.
//
//     global g_requests
//     pointer Board.routes_[*].*

import * as fs from 'node:fs';
import { reasonOf, UserError } from '../recording';
import { badSuppression } from './errors';

const GROUPS = ['pointer', 'other-reactor', 'global', 'thread-local', 'thread', 'wait', 'call', 'instruction'];

export type Suppressed = (id: string) => boolean;

export function readSuppressions(paths: readonly string[]): Suppressed {
  const patterns = paths.flatMap((path) => parseSuppressions(readText(path), path));
  return (id) => patterns.some((pattern) => pattern.test(id));
}

export function parseSuppressions(text: string, path: string): RegExp[] {
  return text.split('\n').flatMap((line, index) => {
    const pattern = line.replace(/(^|\s)#.*/, '').trim();
    if (pattern === '') return [];
    if (!GROUPS.includes(pattern.split(' ')[0] ?? '') || !pattern.includes(' ')) throw badSuppression(path, index + 1, pattern);
    return [new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`)];
  });
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

function readText(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError('no-suppressions', `The suppressions ${path} cannot be read: ${reasonOf(error)}.`);
  }
}
