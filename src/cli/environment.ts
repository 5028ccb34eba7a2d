/**
 * The environment variables that the program reads.
 *
 * Owns: their names and what each does; a test holds the list to the source. Must not know: who reads them.
 */

/** A variable, and what it does. */
export const ENVIRONMENT_VARIABLES: readonly (readonly [name: string, meaning: string])[] = [
  ["TCPLAB_RUN_DIR", "directory of the control sockets by which netstat finds the servers of this user"],
  [
    "TCPLAB_PCAP_LIBRARY",
    "file of libpcap, where the system's is not wanted; ignored where the program has rights by its file",
  ],
  [
    "TCPLAB_PAGE_FORWARD",
    "set by lab shell and lab exec for what runs in a lab: directory of the way to serve --ui from outside",
  ],
  ["TCPLAB_TRACE", "anything: an error comes with the place in the program (for a report)"],
  ["NO_COLOR", "anything: no colours, not on a terminal either, unless --color always asks for them"],
  ["TERM", "dumb: no colours, and no screen for --log tui"],
  ["LC_ALL", "with UTF-8 in it: ladders are drawn with lines and arrows, else with ASCII"],
  ["LC_CTYPE", "the same, where LC_ALL is not set"],
  ["LANG", "the same, where neither is"],
  [
    "TMPDIR",
    "where temporary files go, /tmp if not set: the demo's recording, and control sockets without XDG_RUNTIME_DIR",
  ],
  ["XDG_RUNTIME_DIR", "where the control sockets of an ordinary user go, in the directory tcplab"],
  ["SHELL", "what lab exec and lab shell start when no command is given, /bin/sh if not set"],
  ["PATH", "where the system's tools are looked for (ip, nft, ethtool, unshare)"],
  [
    "SUDO_UID",
    "with SUDO_GID, as sudo sets them: who to become once the device is open, and whose the files are",
  ],
  ["SUDO_GID", "see SUDO_UID"],
];
