/**
 * The project's documents, as `--help` and the manual name them.
 *
 * Owns: their names and what each is for; a test holds the list to the files. Must not know: where they are shown.
 */

/** Name of a file of the project, and what one finds there. */
export const DOCUMENTS: readonly (readonly [path: string, about: string])[] = [
  ["README.md", "what tcplab is, and its lab on one host"],
  ["docs/lab.md", "the lab: four panes, several terminals, a virtual machine"],
  ["docs/serve.md", "what a server can be set to"],
  ["docs/fast_open.md", "data in a SYN: both sides, cookies, bounds, what can be seen of it"],
  ["docs/ip.md", "the IP layer: addresses, neighbours, routers, fragments, ICMP, paths, of both families"],
  ["docs/page.md", "the live page: what it shows, its keys, faults, and the page as one file"],
  ["docs/playground.md", "two hosts in a browser's page: scenarios, going back, going on differently"],
  ["docs/reading_the_log.md", "the log, column by column, how to steer it, and --log tui"],
  ["docs/events.md", "every event and its fields, as in --log json"],
  ["docs/explain.md", "captures told: states of both ends, findings, scripts; held against tshark and Zeek"],
  ["docs/run.md", "packetdrill scripts against our own stack: language, verdicts, profiles, CI"],
  ["docs/lessons.md", "scripts that teach TCP: every row of the transition table, most of RFC 9293"],
  ["docs/profiles.md", "whose habits the stack can have, what differs, and what nmap and p0f make of it"],
  ["docs/packetdrill.md", "what became of the public packetdrill suites, script by script counted"],
  ["docs/output.md", "log, recording, rights and files"],
  ["docs/library.md", "the stack for programs, on a device or in memory"],
  [
    "docs/http.md",
    "HTTP: --app http, serveHttp for programs, sockets for Node's servers; limits, what is refused",
  ],
  ["docs/operations.md", "what to do when something is not as it should be, and what every counter means"],
  ["docs/limits.md", "what is not supported"],
  ["docs/architecture.md", "how it is built, for people who want to change it"],
  ["docs/conformance.md", "every requirement of RFC 9293, every rule, with code and tests"],
  ["docs/binary.md", "the compiled file: what it may do, and running it without root"],
  ["docs/security.md", "what was tried against it, and what holds"],
  ["docs/reliability.md", "long runs, floods, kills, fuzzing: how, and what came of them"],
  ["docs/simulation.md", "hosts on a virtual clock over bad paths"],
  ["docs/benchmarks.md", "measured beside the kernel, C and lwIP"],
  ["docs/performance.md", "where the time goes, and what was tried"],
  ["docs/cores.md", "whether a second core pays"],
];
