/**
 * listen: one call from a device or link to a listener, in the shape of Deno.listen.
 *
 * Owns: the life of the stack behind such a listener. Must not know: how a device is opened; it is told.
 */
import type { FrameLink } from "../link/link.ts";
import { formatIpAddress, parsePrefix } from "../wire/address.ts";
import { createStack, type CreateStackOptions } from "./create_stack.ts";
import { Listener } from "./listener.ts";
import { listenPort, type Port } from "./net_options.ts";
import type { Stack } from "./stack.ts";

/** How a network device is opened. */
export interface DeviceOptions {
  /** Its name: `eth0`. */
  readonly device: string;
  /** The hardware address to answer with: `02:00:5e:10:00:01`, `device` for its own, or absent for a random local one. */
  readonly mac?: string;
  /** More hardware addresses to hear, of other hosts on the same device: {@link LinkHub} gives each a link of its own. */
  readonly alsoMacs?: readonly string[];
  /** Capture filter in pcap-filter language, and-ed to what is needed for `mac`. */
  readonly filter?: string;
  /** Capture ring in MiB (64). */
  readonly ringMib?: number;
}

/** Opens a device; done late, as it loads a native library. */
export type DeviceOpener = (options: DeviceOptions) => Promise<FrameLink>;

/** Where {@link listenOn} listens: on a device, or on a link that is open already. */
export type ListenOnOptions =
  & Omit<CreateStackOptions, "link" | "addresses" | "start">
  & ({ readonly link: FrameLink } | DeviceOptions)
  & {
    /** The address to answer for, one that nobody else has: `10.0.0.1/24`, `fd00::1/64`; or several, of either family. */
    readonly ip: string | readonly string[];
    /** Any that is free when absent or 0: `listener.addr.port` tells which. */
    readonly port?: Port;
    /** Most connections that wait to be accepted (1024). */
    readonly backlog?: number;
    /** Fast Open, see {@link ListenerOptions.fastOpen}; off when absent. */
    readonly fastOpen?: number;
    /**
     * What `tcplab netstat` shows as the application (`library`); false: it does not show this server. It needs a socket file
     * in the user's run directory, of which nothing comes where a permission for that is missing. A server on a link that
     * was given is not shown.
     */
    readonly netstat?: string | false;
  };

/** What {@link listenOn} is given from outside. */
export interface ListenParts {
  readonly openDevice: DeviceOpener;
  /** Told of a stack on a device. */
  readonly onStack?: (stack: Stack) => void;
}

/**
 * Listens at once on a link, or soon on a device; a device that cannot be opened shows when `accept` rejects, and a free port that
 * was asked for is known when it is open. The
 * stack behind it ends when the listener is closed and its last connection has gone.
 */
export function listenOn(options: ListenOnOptions, parts: ListenParts): Listener {
  const { ip, backlog, fastOpen } = options;
  const [first = "", ...others] = typeof ip === "string" ? [ip] : ip;
  const prefix = parsePrefix(first);
  if (prefix === null) throw new TypeError(`"${first}" is not an address: expected one as 10.0.0.1/24`);
  const listener = new Listener({
    hostname: others.length === 0 ? formatIpAddress(prefix.address) : "::",
    port: listenPort(options.port),
    ...(backlog === undefined ? {} : { backlog }),
    ...(fastOpen === undefined ? {} : { fastOpen }),
  });
  const begin = (link: FrameLink) => {
    if (listener.ended) return link.close();
    // A SYN may wait in the link already: it must not meet a closed port.
    let stack: Stack;
    try {
      stack = createStack({ ...options, link, addresses: ip, start: false });
    } catch (error) {
      // A device was opened for this stack alone.
      if (!("link" in options)) link.close();
      throw error;
    }
    try {
      stack.attach(listener);
      stack.pump.start();
    } catch (error) {
      stack.close();
      throw error;
    }
    stack.closeWhenQuiet();
    if (!("link" in options)) parts.onStack?.(stack);
  };
  if ("link" in options) {
    begin(options.link);
  } else {
    parts.openDevice(options).then(begin).catch((error) => listener.fail(error));
  }
  return listener;
}
