/**
 * What can be left of a program that was killed: rules of the firewall, namespaces, devices, mounts, files, processes.
 *
 * Owns: taking stock of a lab, and telling two of these apart. It looks at what is there, not at where the program of today
 * puts things. Must not know: what was killed (kill_rounds.ts).
 */
import type { PrivateLab } from "../../src/cli/private_lab.ts";

/** The variable that marks the processes of a round, whatever becomes of them: children inherit it. */
export const MARK = "TCPLAB_KILL_MARK";

/** Names of everything that is there, by kind. */
export type Stock = Readonly<Record<string, readonly string[]>>;

/** One name a line, under a heading for each kind; tools that are missing have nothing to say. */
const SCRIPT = String.raw`
mark=$0 scratch=$1
echo "= nft"; nft list tables 2>/dev/null
echo "= link"; ip -o link 2>/dev/null | sed 's/^[0-9]*: \([^:@]*\).*/\1/'
echo "= address"; ip -o address 2>/dev/null | awk '{ print $2, $4 }'
echo "= netns"; ip netns list 2>/dev/null | sed 's/ .*//'
echo "= mount"; awk '{ print $5 }' /proc/self/mountinfo
echo "= file"; find /run /dev/shm -not -type d -not -path '/run/tcplab-lab/*' -not -path '/run/heap*' 2>/dev/null
echo "= temporary"; ls "$scratch"
echo "= process"
for directory in /proc/[0-9]*; do
  grep -qzx "$mark" "$directory/environ" 2>/dev/null || continue
  # A zombie is gone but for its number, which its parent has not asked for yet.
  grep -q '^State:.Z' "$directory/status" 2>/dev/null && continue
  echo "$(tr '\0' ' ' <"$directory/cmdline" | cut -c1-150)"
done
true`;

/** Takes stock of a lab's server side (and of what both sides share), and of a scratch directory. */
export async function takeStock(lab: PrivateLab, round: { mark: string; scratch: string }): Promise<Stock> {
  const words = ["sh", "-c", SCRIPT, `${MARK}=${round.mark}`, round.scratch];
  const { code, stdout, stderr } = await lab.run({ side: "server", words });
  if (code !== 0) throw new Error(`The lab cannot be looked at: ${stderr.trim()}`);
  const stock: Record<string, string[]> = {};
  let kind = "";
  for (const line of stdout.split("\n")) {
    if (line.startsWith("= ")) stock[kind = line.slice(2)] = [];
    else if (line !== "") stock[kind].push(line);
  }
  return stock;
}

/** What is there now and was not before, `kind: name` each. */
export function leftoversBetween(before: Stock, now: Stock): string[] {
  return Object.entries(now).flatMap(([kind, names]) => {
    const known = [...before[kind] ?? []];
    return names.flatMap((name) => {
      const at = known.indexOf(name);
      if (at < 0) return [`${kind}: ${name}`];
      known.splice(at, 1);
      return [];
    });
  });
}

/** The same thing of another process is the same kind of thing: numbers and chosen names are taken out. */
export function kindOf(leftover: string): string {
  return leftover.replace(/[0-9a-f]{8,}/g, "*").replace(/\d+/g, "N");
}
