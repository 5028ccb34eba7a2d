/**
 * Completion for bash.
 *
 * Owns: the script's text. Must not know: the commands and options (completion_model.ts).
 */
import { type CompletedCommand, type CompletedOption, type Offer, valuedNames } from "./completion_model.ts";

/** The script, to be read by `source`. Works with bash 4 and no package of completions. */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  return [
    "# Completion of tcplab for bash, made by: tcplab completion bash",
    '_tcplab_words() { local IFS=$\' \\n\'; COMPREPLY=($(compgen -W "$1" -- "$cur")); }',
    "_tcplab_list() {",
    "  local start=",
    "  [[ $cur == *,* ]] && start=${cur%,*},",
    "  local IFS=$' \\n'",
    '  COMPREPLY=($(compgen -P "$start" -W "$1" -- "${cur##*,}"))',
    "}",
    "_tcplab_interfaces() {",
    "  local names",
    "  if [[ -d /sys/class/net ]]; then names=$(command ls /sys/class/net); else names=$(ifconfig -l 2>/dev/null); fi",
    '  _tcplab_words "$(printf "%s\\n" $names | command grep -vxE "lo0?|bonding_masters")"',
    "}",
    "_tcplab_files() { compopt -o filenames 2>/dev/null; local IFS=$'\\n'; COMPREPLY=($(compgen -f -- \"$cur\")); }",
    '_tcplab_users() { COMPREPLY=($(compgen -u -- "$cur")); }',
    "_tcplab() {",
    "  local cur=${COMP_WORDS[COMP_CWORD]} command= option= word i count=0 valued=",
    "  COMPREPLY=()",
    "  # bash makes words of their own of what stands around an = sign.",
    '  [[ $cur == "=" ]] && cur=',
    "  for ((i = 1; i < COMP_CWORD; i++)); do",
    "    word=${COMP_WORDS[i]}",
    '    if [[ $word == "=" ]]; then continue; fi',
    "    if [[ -n $option ]]; then option=; continue; fi",
    "    if [[ -z $command ]]; then [[ $word == -* ]] || command=$word; continue; fi",
    '    if [[ $word == -- ]]; then COMPREPLY=($(compgen -c -- "$cur")); return; fi',
    '    case "$command $word" in',
    `      ${valuedPatterns(commands)}) option=$word ;;`,
    '      *" -"*) ;;',
    "      *) count=$((count + 1)) ;;",
    "    esac",
    "  done",
    '  case "$command $option" in',
    ...commands.flatMap((command) =>
      command.options.filter(({ takesValue }) => takesValue).map((option) =>
        `    ${patternsOf(command, option)}) ${offerCall(option.offer)}; return ;;`
      )
    ),
    "  esac",
    '  case "$command" in',
    `    "") _tcplab_words ${
      quote([...commands.map(({ name }) => name), "--help", "--version"].join(" "))
    } ;;`,
    ...commands.map(commandCase),
    "  esac",
    "}",
    "complete -F _tcplab tcplab",
    "",
  ].join("\n");
}

function commandCase({ name, options, places, repeats }: CompletedCommand): string {
  const longs = options.map(({ long }) => long).join(" ");
  const cases = places.map((offer, i) => {
    const pattern = repeats && i === places.length - 1 ? "*" : String(i);
    return ` ${pattern}) ${offerCall(offer)} ;;`;
  });
  const argument = cases.length === 0 ? ":" : `case $count in${cases.join("")} esac`;
  return `    ${name}) if [[ $cur == -* ]]; then _tcplab_words ${quote(longs)}; else ${argument}; fi ;;`;
}

function offerCall(offer: Offer | null): string {
  if (offer === null) return ":";
  if (offer.kind !== "words") return `_tcplab_${offer.kind}`;
  return `_tcplab_${offer.isList ? "list" : "words"} ${quote(offer.words.join(" "))}`;
}

function patternsOf({ name }: CompletedCommand, option: CompletedOption): string {
  return valuedNames(option).map((one) => quote(`${name} ${one}`)).join("|");
}

function valuedPatterns(commands: readonly CompletedCommand[]): string {
  return commands.flatMap((command) =>
    command.options.filter(({ takesValue }) => takesValue).map((option) => patternsOf(command, option))
  ).join("|");
}

/** In quotes for a shell; names and words of ours hold none. */
function quote(text: string): string {
  return `"${text}"`;
}
