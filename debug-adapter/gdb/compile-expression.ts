// Asks gdb to compile a C++ expression (agent-expression.ts). No process is needed, only the debug information of the program.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { assemble, assembleStorage, type Compiled } from './agent-expression';

export class GdbNotStarted extends Error {
  constructor(
    readonly missing: boolean,
    message: string,
  ) {
    super(message);
  }
}

export interface Source {
  readonly gdb: string;
  readonly program: string;
  /** C++ types of the reactor and of the events that it has received. */
  readonly reactor: string;
  readonly events: readonly string[];
  readonly expression: string;
  /** Not what it is worth, but where it is stored. */
  readonly storage?: boolean;
}

const REWRITES_MAX = 16;

/** Compiles the expression as seen on entry to react(). */
export async function compileExpression(source: Source): Promise<Compiled> {
  const names = ['react', 'handle', 'consume', 'operator()'].map((method) => `${source.reactor}::${method}`);
  const overloads = names.flatMap((name) => source.events.map((event) => `'${name}(${event} const&)'`));
  let problem: Compiled | undefined; // said where the names of react() are known
  for (const scope of [...names.slice(0, 1), ...overloads]) {
    const compiled = await compileAt(source, scope, source.expression);
    if ('code' in compiled) return compiled;
    if (!/^(Function|No symbol) /.test(compiled.problem)) problem ??= compiled;
  }
  const rewritten = await compileRewritten(source);
  return 'code' in rewritten ? rewritten : (problem ?? rewritten);
}

/**
 * Where react() was inlined, or keeps its arguments on the stack (-O0), gdb finds no names in registers. Then the names are
 * spelled out, one unknown name after the other: a member of the reactor, else the event.
 */
async function compileRewritten(source: Source): Promise<Compiled> {
  const reactor = `((${source.reactor}*)$rdi)`;
  let expression = source.expression.replace(/\bthis\b/g, reactor);
  let compiled = await compileAt(source, 'main', expression);
  const first = compiled; // says what the user wrote, not what became of it
  for (let i = 0; i < REWRITES_MAX && 'problem' in compiled; i++) {
    const [, unknown] = /^No symbol "(\w+)" in current context/.exec(compiled.problem) ?? [];
    const [, notMember] = /(?:no|find) member named [`']?(\w+)/.exec(compiled.problem) ?? [];
    const event = source.events[0];
    if (unknown !== undefined) expression = expression.replace(new RegExp(`\\b${unknown}\\b`, 'g'), `${reactor}->${unknown}`);
    else if (notMember !== undefined && event !== undefined && expression.includes(`${reactor}->${notMember}`))
      expression = expression.replaceAll(`${reactor}->${notMember}`, `(*(${event}*)$rsi)`);
    else break;
    compiled = await compileAt(source, 'main', expression);
  }
  return 'code' in compiled ? compiled : first;
}

/** gdb 13 does not see that a typedef of a pointer is one: without arrows it does. */
async function compileAt(source: Source, scope: string, expression: string): Promise<Compiled> {
  const compiled = await compileOnce(source, scope, withCodesOfCharacters(expression));
  if ('code' in compiled || !/operand of `->' is not a pointer/.test(compiled.problem)) return compiled;
  return compileOnce(source, scope, withoutArrows(withCodesOfCharacters(expression)));
}

async function compileOnce({ gdb, program, storage }: Source, scope: string, expression: string): Promise<Compiled> {
  const command = storage === true ? 'agent' : 'agent-eval';
  const listing = await askGdb(gdb, program, `maint ${command} -at ${scope}, ${expression}`);
  return storage === true ? assembleStorage(listing) : assemble(listing);
}

/** 'A' is 65 in an agent expression. */
const withCodesOfCharacters = (expression: string) => expression.replace(/'([^'\\])'/g, (_all, c: string) => String(c.charCodeAt(0)));

/** a->b as (*(a)).b, for all arrows, from the left. */
export function withoutArrows(expression: string): string {
  const arrow = expression.indexOf('->');
  if (arrow < 0) return expression;
  const begin = beginOfOperand(expression, arrow);
  const operand = expression.slice(begin, arrow);
  return withoutArrows(`${expression.slice(0, begin)}(*(${operand})).${expression.slice(arrow + 2).trimStart()}`);
}

/** Where the names, members, subscripts and brackets before `end` begin. */
function beginOfOperand(expression: string, end: number): number {
  let depth = 0;
  for (let at = end - 1; at >= 0; at--) {
    const c = expression.charAt(at);
    if (c === ')' || c === ']') depth++;
    else if (c === '(' || c === '[') depth--;
    if (depth < 0 || (depth === 0 && !/[\w.:$()[\] ]/.test(c))) return at + 1;
  }
  return 0;
}

const askGdb = (gdb: string, program: string, command: string) => runGdb(gdb, [program], [command]);

/** What gdb answers to commands, given to a program that does not run. */
export async function runGdb(gdb: string, args: readonly string[], commands: readonly string[]): Promise<string> {
  const orders = commands.flatMap((command) => ['-ex', command]);
  const child = spawn(gdb, ['-nx', '-q', '-batch', '-iex', 'set debuginfod enabled off', ...args, ...orders], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await once(child, 'spawn').catch((error: NodeJS.ErrnoException) => {
    throw new GdbNotStarted(error.code === 'ENOENT', error.message);
  });
  const [listing, words] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return `${listing}\n${words}`;
}
