/**
 * Both sides of Fast Open for tests: a server that has given a peer its cookie, a client that has got one.
 *
 * Owns: these ways there. RFC 7413 §4.2.1. Must not know: what is tested then.
 */
import { assertEquals, fail } from "@std/assert";
import type { FastOpenListenOptions } from "../../src/host/fast_open_api.ts";
import { type AppLog, bytesOf } from "./app_log.ts";
import type { OptionValues } from "./frame_craft.ts";
import { FAMILY } from "./family.ts";
import { Lab, type LabOptions } from "./harness.ts";
import type { Peer } from "./peer.ts";

/** A request for a cookie. */
export const REQUEST = new Uint8Array(0);
export const MSS = 1460;

/** A listener that does Fast Open, and the cookie that it has given to all peers of the lab's one address. */
export interface Server {
  readonly lab: Lab;
  readonly apps: AppLog[];
  readonly cookie: Uint8Array;
}

/** A server from which a first client has got its cookie; the client is reset and forgotten. */
export function serverWithCookie(
  options: LabOptions & FastOpenListenOptions & { readonly autoRead?: boolean; readonly backlog?: number } =
    {},
): Server {
  const lab = new Lab(options);
  const { fastOpen = 8, fastOpenWithoutCookie = false, autoRead = true, backlog = 1024 } = options;
  const apps = lab.listen({ fastOpen, fastOpenWithoutCookie, autoRead, backlog });
  const first = lab.peer();
  first.sends({ flags: "SYN", seq: 0, options: { mss: MSS, fastOpen: REQUEST } });
  const { options: answer } = first.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  first.sends({ flags: "RST", seq: 1 });
  assertEquals(apps.splice(0).length, 1);
  const cookie = answer.fastOpen ?? fail("a request for a cookie gets one");
  lab.takeTransitions();
  lab.takeRules();
  return { lab, apps, cookie };
}

/** A peer's SYN with a cookie and text. */
export function opensFast(
  peer: Peer,
  syn: { readonly cookie: Uint8Array; readonly data?: string | number; readonly options?: OptionValues },
): void {
  const { cookie, data, options = { mss: MSS } } = syn;
  peer.sends({
    flags: "SYN",
    seq: 0,
    // The pattern begins behind the SYN.
    ...(data === undefined ? {} : { data: typeof data === "number" ? bytesOf(data, 0) : data }),
    options: { ...options, fastOpen: cookie },
  });
}

/** The cookie that servers of these tests give. */
export const COOKIE: Uint8Array = Uint8Array.of(0xc0, 0x0c, 0x1e, 0x55, 1, 2, 3, 4);

/** A host that has got a cookie, and an MSS with it, from the address of all peers. */
export function clientWithCookie(options: LabOptions & { readonly mss?: number } = {}): Lab {
  const lab = new Lab(options);
  lab.host.keepFastOpenCookie({
    localAddress: FAMILY.host,
    address: FAMILY.peer,
    cookie: COOKIE,
    isExperimental: false,
    mss: options.mss ?? MSS,
  });
  return lab;
}

/** What a client's SYN has of Fast Open beside its other options. */
export function optionOf(options: OptionValues): Uint8Array | null {
  return options.fastOpen ?? null;
}
