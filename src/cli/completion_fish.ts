/**
 * Completion for fish.
 *
 * Owns: the script's text. Must not know: the commands and options (completion_model.ts).
 */
import { type CompletedCommand, type CompletedOption, type Offer, valuedNames } from "./completion_model.ts";

/** The script, to be read by `source`, or a file `tcplab.fish` among the completions. */
export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const valued = commands.flatMap(({ name, options }) =>
    options.flatMap(valuedNames).map((one) => quote(`${name} ${one}`))
  );
  return [
    "# Completion of tcplab for fish, made by: tcplab completion fish",
    `set -g __tcplab_valued ${valued.join(" ")}`,
    "# Prints the command that has been typed, and how many arguments stand behind it.",
    "function __tcplab_typed",
    "    set -l command ''",
    "    set -l count 0",
    "    set -l skip 0",
    "    for word in (commandline -opc)[2..-1]",
    "        if test $skip = 1",
    "            set skip 0",
    '        else if test -z "$command"',
    "            string match -q -- '-*' $word; or set command $word",
    '        else if contains -- "$command $word" $__tcplab_valued',
    "            set skip 1",
    "        else if not string match -q -- '-*' $word",
    "            set count (math $count + 1)",
    "        end",
    "    end",
    "    echo $command",
    "    echo $count",
    "end",
    "function __tcplab_in",
    "    test (__tcplab_typed)[1] = $argv[1]",
    "end",
    "function __tcplab_at",
    "    set -l typed (__tcplab_typed)",
    '    test "$typed[1]" = $argv[1]; and test $typed[2] $argv[2] $argv[3]',
    "end",
    "function __tcplab_interfaces",
    "    if test -d /sys/class/net",
    "        command ls /sys/class/net | string match -rv '^(lo|bonding_masters)$'",
    "    else",
    "        ifconfig -l 2>/dev/null | string split ' ' | string match -v lo0",
    "    end",
    "end",
    "complete -c tcplab -f",
    "complete -c tcplab -n '__tcplab_in \"\"' -l help -d 'the commands, documents and variables'",
    "complete -c tcplab -n '__tcplab_in \"\"' -l version -d 'the versions of all that takes part'",
    ...commands.flatMap(commandLines),
    "",
  ].join("\n");
}

function commandLines(command: CompletedCommand): string[] {
  const { name, summary, options, places, repeats } = command;
  return [
    `complete -c tcplab -n '__tcplab_in ""' -a ${name} -d ${quote(summary)}`,
    ...places.map((offer, i) => {
      const test = repeats && i === places.length - 1 ? "-ge" : "-eq";
      return `complete -c tcplab -n '__tcplab_at ${name} ${test} ${i}' ${placeOffered(offer)}`;
    }),
    ...options.flatMap((option) => optionLines(name, option)),
  ];
}

function optionLines(command: string, option: CompletedOption): string[] {
  const { long, short, isShortAlone, help, takesValue, offer } = option;
  const begin = `complete -c tcplab -n '__tcplab_in ${command}'`;
  const letter = short === null ? "" : ` -s ${short.slice(1)}`;
  const value = takesValue ? ` ${offered(offer)}` : "";
  const end = ` -d ${quote(help)}`;
  return isShortAlone
    ? [`${begin} -l ${long.slice(2)}${value}${end}`, `${begin}${letter}${end}`]
    : [`${begin} -l ${long.slice(2)}${letter}${value}${end}`];
}

/** As of an option, but that no value is required. */
function placeOffered(offer: Offer): string {
  return offered(offer).replace(/^-[xr] /, "");
}

function offered(offer: Offer | null): string {
  if (offer === null) return "-x";
  switch (offer.kind) {
    case "interfaces":
      return "-x -a '(__tcplab_interfaces)'";
    case "files":
      return "-r -F";
    case "users":
      return "-x -a '(__fish_complete_users)'";
    case "words":
      return offer.isList
        ? `-x -a "(__fish_append , ${offer.words.join(" ")})"`
        : `-x -a ${quote(offer.words.join(" "))}`;
  }
}

/** In quotes for fish: a quote and a backslash have one more backslash before them. */
function quote(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
