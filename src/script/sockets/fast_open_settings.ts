/**
 * Fast Open of sockets (RFC 7413): what the options of a socket and the settings of its host come to, for listeners and for who
 * connects.
 *
 * Owns: that. Must not know: calls, cookies.
 */
import type { FastOpenListenOptions, FastOpenRequest } from "../../host/fast_open_api.ts";
import type { SocketDefaults } from "../../tcp/profile.ts";
import type { KernelGround } from "../kernel.ts";
import type { SocketSettings } from "./socket_settings.ts";

const KEY_BYTES = 16;

/** Of a process, what matters here. */
interface Grounded {
  readonly ground: KernelGround;
}

/** Of a socket, what matters here. */
interface OpeningSocket {
  readonly settings: SocketSettings;
  readonly bound: { readonly address: Uint8Array | null } | null;
}

/** What a listener does. */
export function fastOpenOfListener(
  settings: SocketSettings,
  { defaults, backlog }: { defaults: Readonly<SocketDefaults>; backlog: number },
): FastOpenListenOptions {
  const asked = settings.fastOpen ?? (defaults.fastOpenEveryListener ? backlog : 0);
  // BSD has an option that is on or off, and the bound is its own.
  const bound = defaults.system === "bsd" && asked > 0 ? backlog : asked;
  const keys = settings.fastOpenKeys ?? defaults.fastOpenKeys.map(keyBytes);
  return {
    fastOpen: defaults.fastOpenServer ? bound : 0,
    fastOpenWithoutCookie: defaults.fastOpenServerWithoutCookie || settings.fastOpenWithoutCookie,
    ...(keys.length > 0 ? { fastOpenKeys: keys } : {}),
  };
}

/** A key out of its 32 digits. */
function keyBytes(digits: string): Uint8Array {
  return Uint8Array.from({ length: KEY_BYTES }, (_, at) => parseInt(digits.slice(2 * at, 2 * at + 2), 16));
}

/** Text may leave in a SYN without a cookie. */
function needsNoCookie({ ground }: Grounded, { settings }: OpeningSocket): boolean {
  return settings.fastOpenWithoutCookie || ground.socketDefaults.fastOpenClientWithoutCookie;
}

/** Octets of text that a SYN there would carry; -1: none. */
export function synRoom(
  process: Grounded,
  socket: OpeningSocket,
  to: { readonly address: Uint8Array; readonly port: number },
): number {
  const { host, ends } = process.ground;
  const localAddress = socket.bound?.address ?? ends.localAddress;
  const withoutCookie = needsNoCookie(process, socket);
  return host.fastOpenRoom({ ...to, localAddress, withoutCookie, tcp: socket.settings.tcp });
}

/** What goes with the SYN. */
export function requestWith(process: Grounded, socket: OpeningSocket, data: Uint8Array): FastOpenRequest {
  return needsNoCookie(process, socket) ? { data, withoutCookie: true } : { data };
}

/** A SYN that asks for a cookie. */
export function askForCookie(process: Grounded, socket: OpeningSocket): FastOpenRequest {
  return requestWith(process, socket, new Uint8Array(0));
}
