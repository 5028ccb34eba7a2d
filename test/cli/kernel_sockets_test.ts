/** The kernel's socket tables as Linux writes them. */
import { assertEquals } from "@std/assert";
import { findKernelListener, parseKernelSockets } from "../../src/cli/kernel_sockets.ts";

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0D05 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 16371 1 0000000000000000 100 0 0 10 0
   1: 0221210A:A3F2 0321210A:0D05 01 0000000A:0000000B 02:000AFC76 00000000     0        0 17384 2 0000000000000000 20 4 30 10 -1
   2: 0221210A:A3F4 0321210A:0D05 06 00000000:00000000 03:00001709 00000000     0        0 0 3 0000000000000000
`;
const TCP6 =
  `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0000000000000000 100 0 0 10 0
   1: 0000000000000000FFFF00000221210A:0016 0000000000000000FFFF00000321210A:C001 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0000000000000000 100 0 0 10 0
`;

Deno.test("IPv4 sockets are read with state and queues", () => {
  const sockets = parseKernelSockets(TCP, true);
  assertEquals(sockets.map((socket) => socket.state), ["LISTEN", "ESTABLISHED", "TIME_WAIT"]);
  assertEquals([...sockets[1].localAddress], [10, 33, 33, 2]);
  assertEquals(sockets[1].peerPort, 3333);
  assertEquals([sockets[1].receiveQueue, sockets[1].sendQueue], [11, 10]);
});

Deno.test("IPv6 sockets are read, and mapped addresses shown as IPv4", () => {
  const [any, mapped] = parseKernelSockets(TCP6, true);
  assertEquals([any.localAddress.length, any.localPort], [16, 8080]);
  assertEquals([...mapped.peerAddress], [10, 33, 33, 3]);
});

Deno.test("a big-endian machine writes its words the other way", () => {
  assertEquals([...parseKernelSockets(TCP.replace("0100007F", "7F000001"), false)[0].localAddress], [
    127,
    0,
    0,
    1,
  ]);
});

Deno.test("lines that are no sockets are passed over", () => {
  assertEquals(parseKernelSockets("nonsense\n 0: 12:34 5 6\n\n"), []);
});

Deno.test("a listener on all addresses counts for each", () => {
  const sockets = [...parseKernelSockets(TCP, true), ...parseKernelSockets(TCP6, true)];
  const at = (address: number[], port: number) =>
    findKernelListener(sockets, { address: Uint8Array.from(address), port });
  assertEquals(at([127, 0, 0, 1], 3333)?.localPort, 3333);
  assertEquals(at([10, 0, 0, 1], 3333), undefined);
  assertEquals(at([10, 0, 0, 1], 8080)?.localPort, 8080);
});
