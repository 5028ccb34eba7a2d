/**
 * How long nmap waits for answers of a machine that is very busy: a second for each, a few times, and as long as it takes for all.
 *
 * Owns: the words for it. Must not know: what is scanned for. By itself nmap learns from the first answers to wait 100 ms, and
 * takes what was held up for longer for filtered.
 */
export const NMAP_PATIENCE: readonly string[] = [
  ...["--max-retries", "4", "--host-timeout", "10m"],
  ...["--min-rtt-timeout", "1s", "--initial-rtt-timeout", "1s"],
];
