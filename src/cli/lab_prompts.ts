/**
 * Shells that say where they are: the files by which a person's own shell gets a lab's prompt, and the program its name.
 *
 * Owns: those files, for bash, zsh, fish and whatever else reads ENV. Must not know: how they come into the lab (lab_shell.ts).
 */
import { shellLine } from "./lab_network.ts";
import type { LabForm } from "./lab_plan.ts";
import { OWN_LAB_MARK, ownLabText } from "./own_lab.ts";
import { HOLDER_DIRECTORY } from "./private_lab.ts";

/** A file that a lab is furnished with. */
export interface LabFile {
  readonly path: string;
  readonly text: string;
  readonly isProgram?: boolean;
}

/** Starts a person's own shell; its first argument is what the prompt says, the second a command for the history. */
export const SIDE_SHELL = `${HOLDER_DIRECTORY}/side-shell`;
/** Where the program is, by the name that a person types. */
export const PROGRAMS = `${HOLDER_DIRECTORY}/bin`;

/** The mark, the program and the shells. Text is for `sh` and others: `$` is theirs. */
export function shellFiles(program: readonly string[], form: LabForm = {}): LabFile[] {
  return [
    { path: OWN_LAB_MARK, text: ownLabText(form) },
    { path: `${PROGRAMS}/tcplab`, text: `#!/bin/sh\nexec ${shellLine(program)} "$@"\n`, isProgram: true },
    { path: SIDE_SHELL, text: SIDE_SHELL_TEXT, isProgram: true },
    { path: `${HOLDER_DIRECTORY}/bashrc`, text: BASHRC },
    { path: `${HOLDER_DIRECTORY}/shrc`, text: SHRC },
    { path: `${HOLDER_DIRECTORY}/fishrc`, text: FISHRC },
    { path: `${HOLDER_DIRECTORY}/zsh/.zshenv`, text: ZSHENV },
    { path: `${HOLDER_DIRECTORY}/zsh/.zshrc`, text: ZSHRC },
  ];
}

// A person's own settings come first, and may have set PATH anew; then the prompt, which they would have replaced. The history
// is the person's, but for a pane that has something to suggest: there Up gives just that.
const SIDE_SHELL_TEXT = String.raw`#!/bin/sh
TCPLAB_LAB_SIDE=$1 TCPLAB_LAB_HINT=$2
export TCPLAB_LAB_SIDE TCPLAB_LAB_HINT
# Only these two take a suggestion into their history.
shell=$SHELL
case ${"$"}{shell##*/} in bash | zsh) ;; *) [ -n "$2" ] && shell=$(command -v bash) ;; esac
[ -x "$shell" ] || shell=/bin/sh
case ${"$"}{shell##*/} in
bash) exec "$shell" --rcfile ${HOLDER_DIRECTORY}/bashrc -i ;;
zsh) ZDOTDIR=${HOLDER_DIRECTORY}/zsh exec "$shell" -i ;;
fish) exec "$shell" -i -C '. ${HOLDER_DIRECTORY}/fishrc' ;;
*) ENV=${HOLDER_DIRECTORY}/shrc exec "$shell" -i ;;
esac
`;

const FIND_PROGRAM = String.raw`case $PATH in ${PROGRAMS}:*) ;; *) PATH=${PROGRAMS}:$PATH ;; esac`;

const BASHRC = String.raw`[ -r ~/.bashrc ] && . ~/.bashrc
${FIND_PROGRAM}
case $TCPLAB_LAB_SIDE in server) color=32 ;; client) color=36 ;; wire) color=33 ;; netstat) color=35 ;; *) color=34 ;; esac
PROMPT_COMMAND=
if [ -n "$NO_COLOR" ] || [ "$TERM" = dumb ]; then PS1="$TCPLAB_LAB_SIDE\$ "
else PS1="\[\e[1;$color"'m\]'"$TCPLAB_LAB_SIDE"'\[\e[0m\]$ '
fi
unset color
if [ -n "$TCPLAB_LAB_HINT" ]; then
  HISTFILE=
  history -s -- "$TCPLAB_LAB_HINT"
fi
unset TCPLAB_LAB_HINT
`;

const SHRC = String.raw`${FIND_PROGRAM}
PS1="$TCPLAB_LAB_SIDE"'$ '
`;

const FISHRC = String.raw`fish_add_path --path --prepend ${PROGRAMS}
function fish_prompt
  set_color --bold green; echo -n $TCPLAB_LAB_SIDE; set_color normal; echo -n '$ '
end
function fish_greeting; end
`;

const ZSHENV = String.raw`[ -r ~/.zshenv ] && . ~/.zshenv
ZDOTDIR=${HOLDER_DIRECTORY}/zsh
`;

const ZSHRC = String.raw`ZDOTDIR=$HOME
[ -r ~/.zshrc ] && . ~/.zshrc
${FIND_PROGRAM}
PROMPT="%B%F{green}$TCPLAB_LAB_SIDE%f%b\$ "
if [ -n "$TCPLAB_LAB_HINT" ]; then
  HISTFILE=
  print -s -- "$TCPLAB_LAB_HINT"
fi
unset TCPLAB_LAB_HINT
PROMPT_EOL_MARK=
`;
