/**
 * The device on which `tcplab run --live` plays scripts.
 *
 * Owns: opening it, its clock, and that the address is nobody's own. Must not know: scripts, what makes a device useless (wire_faults.ts).
 *
 * What the stack sends goes out there. What a script gives is handed to the stack by the runner, from the peer's address, and is not put on
 * the wire: the peer is the script.
 */
import { deviceState } from "../../ffi/device_hardware.ts";
import { listInterfaces } from "../../ffi/interfaces.ts";
import { openPcapLink } from "../../ffi/pcap_link.ts";
import { HOST_MAC } from "../script/router_end.ts";
import type { LiveWire } from "../script/world.ts";
import { formatIpAddress, sameAddress } from "../wire/address.ts";
import { CliError } from "./command.ts";
import { pickDevice } from "./device.ts";
import type { LiveSettings } from "./run_options.ts";
import { WireFaults } from "./wire_faults.ts";

/** Below this a wait is a loop: the system's own would last longer. Local choice, milliseconds. */
const SHORTEST_SLEEP_MS = 0.2;
/** Ring of the capture; local choice: nobody but neighbours talks to a script's stack. */
const RING_MIB = 4;

/** An open device. */
export interface LiveGround extends Disposable {
  readonly wire: LiveWire;
}

/** Opens the device. Throws {@link CliError}, or what libpcap says. */
export function openLiveGround({ device: wanted, address: { address } }: LiveSettings): LiveGround {
  const device = pickDevice(listInterfaces(), wanted);
  if (device.addresses.some((own) => sameAddress(own.address, address))) {
    throw new CliError(
      `${
        formatIpAddress(address)
      } is the kernel's own on ${device.name}, which would answer as well: give --ip an address that nobody has`,
    );
  }
  const link = openPcapLink({ device: device.name, mac: HOST_MAC, ringMib: RING_MIB });
  const cell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  // A script is played from step to step, and nothing else goes on meanwhile.
  const sleep = (ms: number) => void Atomics.wait(cell, 0, 0, ms);
  const faults = new WireFaults({
    device: device.name,
    look: deviceState,
    link,
    nowMs: () => performance.now(),
    sleep,
  });
  return {
    wire: {
      link,
      nowUs: () => performance.now() * 1000,
      sleep: (us) => {
        if (us >= SHORTEST_SLEEP_MS * 1000) sleep(us / 1000);
      },
      fault: (wish) => faults.fault(wish),
    },
    [Symbol.dispose]: () => link.close(),
  };
}
