// The manual page afterimage(1), in roff, made from the table of commands. scripts/man writes it to dist/man/afterimage.1.

import { type Command, type Option } from 'commander';
import { ABOUT_RECORDINGS, examples, EXIT_CODES } from './program';

/** A backslash, a hyphen, and a dot or quote at the beginning of a line mean something to roff. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');

export function manualPage(program: Command, version: string): string {
  const lines = [
    `.TH AFTERIMAGE 1 "" "afterimage ${version}" "User Commands"`,
    '.SH NAME',
    `afterimage \\- ${roff(decapitalized(program.description()).replace(/\.$/, ''))}`,
    '.SH SYNOPSIS',
    '.B afterimage',
    '.I command',
    '.RI [ options ]',
    '.I recording',
    '.SH DESCRIPTION',
    roff('Afterimage records C++ (Re)Actors in production and replays them, event by event.'),
    roff(ABOUT_RECORDINGS),
    '.SH COMMANDS',
    ...program.commands.flatMap(commandLines),
    '.SH EXIT STATUS',
    ...EXIT_CODES.flatMap(([code, meaning]) => ['.TP', `.B ${code}`, roff(meaning)]),
    '.SH ENVIRONMENT',
    ...ENVIRONMENT.flatMap(([name, meaning]) => ['.TP', `.B ${name}`, roff(meaning)]),
    '.SH SEE ALSO',
    '.BR gdb (1),',
    '.BR core (5)',
  ];
  return `${lines.join('\n')}\n`;
}

const ENVIRONMENT = [
  ['NO_COLOR', 'When set, output has no colours; in a pipe it never has.'],
  ['COLUMNS', 'The width of output that does not go to a terminal.'],
  ['XDG_CACHE_HOME', 'Packed recordings are unpacked into afterimage/ there instead of ~/.cache/afterimage.'],
  ['AFTERIMAGE_DEBUG', 'When 1, an internal error is told with the place in the program where it happened.'],
] as const;

function commandLines(command: Command): string[] {
  const takes = command.registeredArguments.map((argument) => (argument.required ? argument.name() : `[${argument.name()}]`)).join(' ');
  const sample = examples(command);
  return [
    `.SS "afterimage ${command.name()} [options] ${takes}"`,
    roff(`${command.description().charAt(0).toUpperCase()}${command.description().slice(1)}.`),
    ...command.registeredArguments.flatMap((argument) => ['.TP', `.I ${roff(argument.name())}`, roff(argument.description)]),
    ...command.options.flatMap(optionLines),
    ...(sample.length === 0 ? [] : ['.PP', 'Examples:', '.nf', '.RS', ...sample.map((line) => roff(`afterimage ${line}`)), '.RE', '.fi']),
  ];
}

const optionLines = (option: Option): string[] => [
  '.TP',
  `.B ${roff(option.flags)}`,
  roff(`${option.description}${typeof option.defaultValue === 'string' ? ` (default: ${option.defaultValue})` : ''}`),
];

const decapitalized = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
