/**
 * The hosts that a command line asks for: which `--ip` belongs to which `--mac`.
 *
 * Owns: their pairs, and every line that says why they are none. Must not know: the machine that it will run on; which hardware
 * address `auto` is, and which the device has, is found later (host_choice.ts).
 */
import { MOST_STATIONS } from "../link/hairpin_link.ts";
import { formatMac, sameAddress } from "../wire/address.ts";
import { type AddressRequest, parseAddresses } from "./address_request.ts";
import { UsageError } from "./command.ts";
import { type MacChoice, parseMacChoice } from "./mac_choice.ts";
import { badValue } from "./option_values.ts";

/** One host. */
export interface HostRequest {
  /** Empty, for the only host: propose one. */
  readonly addresses: readonly AddressRequest[];
  readonly mac: MacChoice;
}

/**
 * The hosts of all `--ip` and `--mac`, each in the order in which they are given. With one `--mac` or none all addresses are one
 * host's; with more, the first `--ip` is that of the first `--mac`, and so on. Throws a UsageError for anything else.
 */
export function parseHosts(lists: readonly string[], macs: readonly string[]): HostRequest[] {
  const choices = macs.map((text) => parseMacChoice({ option: "mac", text }));
  // All at once: an address that is there twice may be another host's.
  const addresses = parseAddresses(lists);
  if (choices.length <= 1) return [{ addresses, mac: choices[0] ?? { kind: "auto" } }];
  if (choices.length > MOST_STATIONS) {
    throw new UsageError(`--mac is given ${times(choices.length)}: expected ${MOST_STATIONS} hosts at most`);
  }
  if (lists.length !== choices.length) {
    throw new UsageError(
      `--mac is given ${times(choices.length)} and --ip ${times(lists.length)}: several hosts are pairs, ` +
        "--ip ADDR[,...] --mac MAC for each",
    );
  }
  demandDistinct(choices);
  let end = 0;
  return lists.map((list, position) => {
    const begin = end;
    end += list.split(",").length;
    return { addresses: addresses.slice(begin, end), mac: choices[position] };
  });
}

function demandDistinct(choices: readonly MacChoice[]): void {
  if (choices.filter(({ kind }) => kind === "device").length > 1) {
    const expected = "one host at most that has the device's own hardware address: auto for the others";
    throw badValue({ option: "mac", text: "device" }, expected);
  }
  const macs = choices.flatMap((choice) => choice.kind === "explicit" ? [choice.mac] : []);
  const twice = macs.find((mac, position) => macs.findIndex((other) => sameAddress(other, mac)) < position);
  if (twice === undefined) return;
  const expected = "each hardware address once, and this one is there twice: each host needs its own";
  throw badValue({ option: "mac", text: formatMac(twice) }, expected);
}

function times(count: number): string {
  return count === 0 ? "not at all" : count === 1 ? "once" : count === 2 ? "twice" : `${count} times`;
}
