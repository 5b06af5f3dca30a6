// afterimage completion SHELL: a script that completes commands and options, made from the table of commands.

import { type Command } from 'commander';
import { UserError } from '../recording';

interface Word {
  readonly word: string;
  readonly meaning: string;
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

const generators: Record<string, (program: Command) => string> = { bash, zsh, fish };

export function completion(program: Command, shell: string): string {
  const generate = Object.hasOwn(generators, shell) ? generators[shell] : undefined;
  if (generate === undefined) throw new UserError('no-such-shell', `There is no completion for "${shell}", only for ${SHELLS.join(', ')}.`);
  return generate(program);
}

const commandsOf = (program: Command): Word[] =>
  program.commands.map((command) => ({ word: command.name(), meaning: command.description() }));

const optionsOf = (command: Command): Word[] =>
  command.options.flatMap((option) => (option.long ? [{ word: option.long, meaning: option.description }] : []));

const words = (list: readonly Word[]): string => list.map(({ word }) => word).join(' ');

function bash(program: Command): string {
  const cases = program.commands.map((command) => {
    const options = command.name() === 'completion' ? SHELLS.join(' ') : `${words(optionsOf(command))} --help`;
    return `    ${command.name()}) options="${options}" ;;`;
  });
  return `# bash completion for afterimage:  eval "$(afterimage completion bash)"
_afterimage() {
  local word=\${COMP_WORDS[COMP_CWORD]} options
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "${words(commandsOf(program))}" -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
  if [[ $word == -* || \${COMP_WORDS[1]} == completion ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  else
    compopt -o filenames
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -F _afterimage afterimage
`;
}

const quoted = (text: string): string => text.replaceAll("'", "'\\''");

function zsh(program: Command): string {
  const described = ({ word, meaning }: Word) => `'${word}:${quoted(meaning.replaceAll(':', '\\:'))}'`;
  const cases = program.commands.map((command) => {
    const options = optionsOf(command).map(
      ({ word, meaning }) => `'${word}[${quoted(meaning.replace(/[[\]]/g, '\\$&').replaceAll(':', '\\:'))}]'`,
    );
    const last = command.name() === 'completion' ? `'1:shell:(${SHELLS.join(' ')})'` : "'*:file:_files'";
    return `    ${command.name()}) _arguments ${[...options, last].join(' ')} ;;`;
  });
  return `#compdef afterimage
# zsh completion for afterimage:  eval "$(afterimage completion zsh)"
_afterimage() {
  local -a commands=(${commandsOf(program).map(described).join(' ')})
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=\${words[2]}
  shift words
  ((CURRENT--))
  case $command in
${cases.join('\n')}
  esac
}
compdef _afterimage afterimage
`;
}

function fish(program: Command): string {
  const first = commandsOf(program).map(
    ({ word, meaning }) => `complete -c afterimage -n __fish_use_subcommand -f -a ${word} -d '${quoted(meaning)}'`,
  );
  const rest = program.commands.flatMap((command) =>
    optionsOf(command).map(
      ({ word, meaning }) =>
        `complete -c afterimage -n '__fish_seen_subcommand_from ${command.name()}' -l ${word.slice(2)} -d '${quoted(meaning)}'`,
    ),
  );
  const shells = `complete -c afterimage -n '__fish_seen_subcommand_from completion' -f -a '${SHELLS.join(' ')}'`;
  return `# fish completion for afterimage:  afterimage completion fish | source\n${[...first, ...rest, shells].join('\n')}\n`;
}
