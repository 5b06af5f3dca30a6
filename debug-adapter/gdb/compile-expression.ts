// Asks gdb to compile a C++ expression (agent-expression.ts). No process is needed, only the debug information of the program.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { assemble, assembleStorage, type Compiled, NOTHING_SAID } from './agent-expression';
import { GdbNotStarted, quietly } from './ask-gdb';

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
const MARK = '@afterimage@';
/** A reactor of C or another language (recorder/src/record/c_api.cc). */
const FOREIGN_REACTOR = 'afterimage::ForeignReactor';

/** Compiles the expression as seen on entry to react(). */
export async function compileExpression(source: Source): Promise<Compiled> {
  if (source.reactor === FOREIGN_REACTOR) return compileInOneOf(source, ['main'], withForeignNames(source.expression));
  const names = ['react', 'handle', 'consume', 'operator()'].map((method) => `${source.reactor}::${method}`);
  const overloads = names.flatMap((name) => source.events.map((event) => `'${name}(${event} const&)'`));
  const expression = withCodesOfCharacters(source.expression);
  let compiled = await compileInOneOf(source, [...names.slice(0, 1), ...overloads], expression);
  // gdb 13 does not see that a typedef of a pointer is one: without arrows it does.
  if ('problem' in compiled && compiled.problem.includes("operand of `->' is not a pointer")) {
    compiled = await compileInOneOf(source, [...names.slice(0, 1), ...overloads], withoutArrows(expression));
  }
  if ('code' in compiled) return compiled;
  const rewritten = await compileRewritten(source, expression);
  return 'code' in rewritten ? rewritten : compiled;
}

/**
 * Where react() was inlined, or keeps its arguments on the stack (-O0), gdb finds no names in registers. Then the names are
 * spelled out, one unknown name after the other: a member of the reactor, else the event.
 */
async function compileRewritten(source: Source, original: string): Promise<Compiled> {
  const reactor = `((${source.reactor}*)$rdi)`;
  let expression = original.replace(/\bthis\b/g, reactor);
  let compiled = await compileInOneOf(source, ['main'], expression);
  for (let i = 0; i < REWRITES_MAX && 'problem' in compiled; i++) {
    const [, unknown] = /^No symbol "(\w+)" in current context/.exec(compiled.problem) ?? [];
    const [, notMember] = /(?:no|find) member named [`']?(\w+)/.exec(compiled.problem) ?? [];
    const event = source.events[0];
    if (unknown !== undefined && source.reactor.split('::').includes(unknown)) break; // the type itself
    if (unknown !== undefined) expression = expression.replace(new RegExp(`\\b${unknown}\\b`, 'g'), `${reactor}->${unknown}`);
    else if (notMember !== undefined && event !== undefined && expression.includes(`${reactor}->${notMember}`))
      expression = expression.replaceAll(`${reactor}->${notMember}`, `(*(${event}*)$rsi)`);
    else if (compiled.problem.includes("operand of `->' is not a pointer") && expression.includes('->'))
      expression = withoutArrows(expression);
    else break;
    compiled = await compileInOneOf(source, ['main'], expression);
  }
  return compiled;
}

/** What create() returned is `object`, and the event's bytes are `event`: casts say what they are. */
function withForeignNames(expression: string): string {
  const nameButNoTagOrMember = /(?<!(?:struct|union|enum|\.|->)\s*)\b(object|event)\b/g;
  const places: Record<string, string> = { object: '(*(void**)$rdi)', event: '((void*)$rsi)' };
  return withCodesOfCharacters(expression).replace(nameButNoTagOrMember, (name) => places[name]!);
}

/** One gdb tries all scopes; the first that knows the names is taken, else the problem that says most. */
async function compileInOneOf({ gdb, program, storage }: Source, scopes: readonly string[], expression: string): Promise<Compiled> {
  const [command, read] = storage === true ? ['agent', assembleStorage] : ['agent-eval', assemble];
  const attempts = scopes.flatMap((scope) => [`echo ${MARK}\\n`, `maint ${command} -at ${scope}, ${expression}`]);
  const { listing, words } = await runGdb(gdb, [program], attempts);
  const results = listing.split(MARK).slice(1).map(read); // prettier-ignore
  const compiled = results.find((result) => 'code' in result);
  if (compiled !== undefined) return compiled;
  const refused = results.find((result) => 'problem' in result && result.problem !== NOTHING_SAID);
  if (refused !== undefined) return refused;
  return read(mostTelling(words.trim().split('\n')));
}

/** What is wrong with the expression itself, then names that are not known there, then scopes that do not exist. */
function mostTelling(problems: readonly string[]): string {
  const unknown = problems.find((problem) => /^No symbol .* in current context/.test(problem));
  return problems.find((problem) => !/^(Function|No symbol|warning)\b/.test(problem)) ?? unknown ?? problems.at(-1) ?? '';
}

/** 'A' is 65 in an agent expression. */
const withCodesOfCharacters = (expression: string) => expression.replace(/'([^'\\])'/g, (_all, c: string) => String(c.charCodeAt(0)));

/** a->b as (*(a)).b, for all arrows, from the left. */
export function withoutArrows(expression: string): string {
  const arrow = expression.indexOf('->');
  if (arrow < 0) return expression;
  const begin = beginOfOperand(expression, arrow);
  const operand = expression.slice(begin, arrow).trimEnd();
  return withoutArrows(`${expression.slice(0, begin)}(*(${operand})).${expression.slice(arrow + 2).trimStart()}`);
}

/** Where the names, members, subscripts and brackets before `end` begin. */
function beginOfOperand(expression: string, end: number): number {
  let depth = 0;
  let begin = 0;
  for (let at = end - 1; at >= 0; at--) {
    const c = expression.charAt(at);
    if (c === ')' || c === ']') depth++;
    else if (c === '(' || c === '[') depth--;
    if (depth < 0 || (depth === 0 && !/[\w.:$()[\] ]/.test(c))) {
      begin = at + 1;
      break;
    }
  }
  return begin + /^ */.exec(expression.slice(begin))![0].length;
}

/** What gdb answers to commands, given to a program that does not run; and its complaints. */
export async function runGdb(
  gdb: string,
  args: readonly string[],
  commands: readonly string[],
): Promise<{ listing: string; words: string }> {
  const orders = commands.flatMap((command) => ['-ex', command]);
  const child = spawn(gdb, [...quietly(), ...args, ...orders], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await once(child, 'spawn').catch((error: NodeJS.ErrnoException) => {
    throw new GdbNotStarted(error.code === 'ENOENT', error.message);
  });
  const [listing, words] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { listing, words };
}
