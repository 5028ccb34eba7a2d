/**
 * connect: one call from a device or link to a connection, in the shape of Deno.connect.
 *
 * Owns: the life of the stack behind such a connection. Must not know: how a device is opened; it is told.
 */
import type { FrameLink } from "../link/link.ts";
import type { Connection } from "./connection.ts";
import { createStack, type CreateStackOptions } from "./create_stack.ts";
import type { DeviceOpener, DeviceOptions } from "./listen.ts";
import type { Stack, StackConnectOptions } from "./stack.ts";

/** From where {@link connectOn} connects: on a device, or on a link that is open already. */
export type ConnectOnOptions =
  & Omit<CreateStackOptions, "link" | "addresses" | "start">
  & StackConnectOptions
  & ({ readonly link: FrameLink } | DeviceOptions)
  & {
    /** Our own address, one that nobody else has: `10.0.0.2/24`, `fd00::2/64`; or several, of either family. */
    readonly ip: string | readonly string[];
  };

/**
 * Connects from a stack that is there for this connection alone, and ends with it. Rejects as {@link Stack.connect}, and when the
 * device cannot be opened.
 */
export async function connectOn(
  options: ConnectOnOptions,
  parts: { readonly openDevice: DeviceOpener },
): Promise<Connection> {
  const link = "link" in options ? options.link : await parts.openDevice(options);
  const stack = stackOn(link, options);
  const connecting = stack.connect(options);
  stack.closeWhenQuiet();
  return await connecting;
}

/** What was opened for this stack alone does not stay open when there is none. */
function stackOn(link: FrameLink, options: ConnectOnOptions): Stack {
  try {
    return createStack({ ...options, link, addresses: options.ip });
  } catch (error) {
    if (!("link" in options)) link.close();
    throw error;
  }
}
