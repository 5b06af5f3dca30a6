// What is wrong with a command line, said like every other mistake: what is missing is told with what it is for.

import { type Command } from 'commander';
import { complaint } from './output';

/** One of commander's messages as a sentence of ours. */
export function usageError(command: Command, message: string): string {
  const missing = missingArgument(command, message) ?? missingOption(command, message);
  if (missing !== undefined) return complaint(`${command.name()} needs ${missing}.`);
  return complaint(sentence(message));
}

function sentence(message: string): string {
  const said = message
    .replace(/^error: /, '')
    .trimEnd()
    .replace(/^\w/, upper);
  const [, what = said, proposal] = /^(.*)\n\((Did you mean .*\?)\)$/s.exec(said) ?? [];
  return proposal === undefined ? `${what}.` : `${what}. ${proposal}`;
}

function missingArgument(command: Command, message: string): string | undefined {
  const name = /missing required argument '(.*)'/.exec(message)?.[1];
  const argument = command.registeredArguments.find((known) => known.name() === name);
  return argument && `<${argument.name()}>: ${argument.description}`;
}

function missingOption(command: Command, message: string): string | undefined {
  const flags = /required option '(.*)' not specified/.exec(message)?.[1];
  const option = command.options.find((known) => known.flags === flags);
  return option && `${option.flags}: ${option.description}`;
}

const upper = (letter: string): string => letter.toUpperCase();
