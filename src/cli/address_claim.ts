/**
 * What a command does about its addresses once it is at work: it goes on asking whether somebody else has them.
 *
 * Owns: the error that ends the command when somebody has, and its words. Must not know: ARP.
 */
import type { HostAtWork } from "../host/api.ts";
import { formatIpAddress, formatMac, type MacAddress } from "../wire/address.ts";
import type { ServedAddress } from "./address_choice.ts";
import { CliError } from "./command.ts";

/** Somebody else has an address: the command steps back at once (RFC 5227 §2.1.1). */
export class AddressLostError extends CliError {}

/** What is claimed, for whom. */
interface AddressClaim {
  readonly host: HostAtWork;
  readonly addresses: readonly ServedAddress[];
  readonly device: { readonly name: string; readonly mac: MacAddress | null };
  /** Time of the event, seconds since 1970; the host gives it its own. */
  readonly time: number;
}

/**
 * Claims the addresses that the kernel does not own; rejects with {@link AddressLostError} when somebody shows itself with
 * one within four seconds, and else stays pending. Called between `pump.enter()` and `pump.leave()`.
 */
export function claimAddresses({ host, addresses, device, time }: AddressClaim): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  const claimed = addresses.filter((served) => !served.kernelOwned).map((served) => served.address);
  host.claim(claimed, {
    alsoOurs: device.mac,
    lost: (address, mac) => {
      const text = `${formatIpAddress(address)} is in use on ${device.name}, by ${formatMac(mac)}`;
      host.emit({ event: "notice", time, kind: "address-conflict", message: text });
      reject(
        new AddressLostError(
          `${text}, which has shown itself only now: tcplab has stepped back; choose another (leave --ip out to have a free one proposed)`,
        ),
      );
    },
  });
  return promise;
}
