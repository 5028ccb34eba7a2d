/**
 * Completion for zsh.
 *
 * Owns: the script's text. Must not know: the commands and options (completion_model.ts).
 */
import { type CompletedCommand, type CompletedOption, type Offer, valuedNames } from "./completion_model.ts";

/** The script: to be read by `source` after compinit, or a file `_tcplab` on the fpath. */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  return [
    "#compdef tcplab",
    "# Completion of tcplab for zsh, made by: tcplab completion zsh",
    "_tcplab_interfaces() {",
    "  local -a names",
    "  if [[ -d /sys/class/net ]]; then names=(/sys/class/net/*(N:t)); else names=(${=$(ifconfig -l 2>/dev/null)}); fi",
    "  compadd -- ${names:#(lo|lo0|bonding_masters)}",
    "}",
    "_tcplab() {",
    "  local command= option= word",
    "  local -i i count=0",
    "  local -a offered",
    "  for ((i = 2; i < CURRENT; i++)); do",
    "    word=${words[i]}",
    "    if [[ -n $option ]]; then option=; continue; fi",
    "    if [[ -z $command ]]; then [[ $word == -* ]] || command=$word; continue; fi",
    "    if [[ $word == -- ]]; then _command_names -e; return; fi",
    '    case "$command $word" in',
    `      (${valuedPatterns(commands)}) option=$word ;;`,
    "      (*' -'*) ;;",
    "      (*) count+=1 ;;",
    "    esac",
    "  done",
    "  if [[ -z $option && $PREFIX == --*=* ]]; then option=${PREFIX%%=*}; compset -P 1 '*='; fi",
    '  case "$command $option" in',
    ...commands.flatMap((command) =>
      command.options.filter(({ takesValue }) => takesValue).map((option) =>
        `    (${patternsOf(command, option)}) ${offerCall(option.offer)}; return ;;`
      )
    ),
    "  esac",
    "  case $command in",
    "    ('') if [[ $PREFIX == -* ]]; then compadd -- --help --version; return; fi",
    `      offered=(${commands.map(({ name, summary }) => described(name, summary)).join(" ")})`,
    "      _describe command offered ;;",
    ...commands.flatMap(commandCase),
    "  esac",
    "}",
    '# Read as a file of the fpath this is the function itself; by "source" it is told to zsh.',
    'if [[ ${funcstack[1]} == _tcplab ]]; then _tcplab "$@"; else compdef _tcplab tcplab; fi',
    "",
  ].join("\n");
}

function commandCase({ name, options, places, repeats }: CompletedCommand): string[] {
  const cases = places.map((offer, i) => {
    const pattern = repeats && i === places.length - 1 ? "*" : String(i);
    return ` (${pattern}) ${offerCall(offer)} ;;`;
  });
  return [
    `    (${name}) if [[ $PREFIX == -* ]]; then`,
    `      offered=(${options.map(({ long, help }) => described(long, help)).join(" ")})`,
    "      _describe -o option offered",
    `      else ${cases.length === 0 ? ":" : `case $count in${cases.join("")} esac`}; fi ;;`,
  ];
}

function offerCall(offer: Offer | null): string {
  if (offer === null) return ":";
  switch (offer.kind) {
    case "interfaces":
      return "_tcplab_interfaces";
    case "files":
      return "_files";
    case "users":
      return "_users";
    case "words":
      return (offer.isList ? "compset -P '*,'; " : "") + `compadd -- ${offer.words.join(" ")}`;
  }
}

/** `'name:what it is'`, as _describe wants it. */
function described(name: string, help: string): string {
  return `'${name}:${help.replaceAll("'", "'\\''")}'`;
}

function patternsOf({ name }: CompletedCommand, option: CompletedOption): string {
  return valuedNames(option).map((one) => `'${name} ${one}'`).join("|");
}

function valuedPatterns(commands: readonly CompletedCommand[]): string {
  return commands.flatMap((command) =>
    command.options.filter(({ takesValue }) => takesValue).map((option) => patternsOf(command, option))
  ).join("|");
}
