/**
 * Who is on the wire of the tests: addresses and ports of the host and of its peers.
 *
 * Owns: the constants.
 */

export const SECOND_US = 1_000_000;
export const HOST_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01);
export const PEER_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x09);
export const HOST_V4 = Uint8Array.of(10, 0, 0, 1);
export const PEER_V4 = Uint8Array.of(10, 0, 0, 9);
export const HOST_V6 = Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
export const PEER_V6 = Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9);
export const HOST_PORT = 7777;
