/**
 * How long nmap waits for answers of a machine that is very busy: a second for each, a few times, and as long as it takes for all;
 * and how scans at once are kept apart.
 *
 * Owns: the words for both. Must not know: what is scanned for. By itself nmap learns from the first answers to wait 100 ms, and
 * takes what was held up for longer for filtered.
 */
export const NMAP_PATIENCE: readonly string[] = [
  ...["--max-retries", "4", "--host-timeout", "10m"],
  ...["--min-rtt-timeout", "1s", "--initial-rtt-timeout", "1s"],
];

/**
 * A scan with a source port of its own, for scans that run at once: by itself nmap takes any from 33000 on, and of two that have
 * taken the same one each sees the RST that answers the other. Below all that nmap and the kernel choose.
 */
export function scanFrom(scan: string, place: number): readonly string[] {
  return [scan, "-g", String(FIRST_SOURCE_PORT + place)];
}

/** Local choice. */
const FIRST_SOURCE_PORT = 20_000;
