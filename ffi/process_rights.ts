/**
 * Shutting the ways to new rights, for all threads of this process and whatever it starts.
 *
 * Owns: capabilities, no_new_privs and the seccomp filter that carries it to every thread. Linux only; elsewhere nothing
 * is done. Must not know: users (process_user.ts), and what the process still has to do.
 */

import { errno, errnoText, libc } from "./libc.ts";
import { addressOf } from "./native_memory.ts";

const PR_SET_NO_NEW_PRIVS = 38;
/** `_LINUX_CAPABILITY_VERSION_3`, <linux/capability.h>: a header of two words, twice three words of data. */
const CAPABILITY_VERSION = 0x20080522;
const CAPABILITY_DATA_WORDS = 6;
const SECCOMP_SET_MODE_FILTER = 1;
/**
 * `SECCOMP_FILTER_FLAG_TSYNC`: the filter, and no_new_privs with it, is for all threads (seccomp(2)). And
 * `SECCOMP_FILTER_FLAG_SPEC_ALLOW`: older kernels slow the whole process down for a filter, in which no other tenant runs.
 */
const SECCOMP_ALL_THREADS = 1 | 4;
const CLOSE_RANGE_CLOEXEC = 4;
const FIRST_OTHER_DESCRIPTOR = 3;

/** What <linux/audit.h> and the system call tables say of a machine; the numbers differ. */
const MACHINES: Readonly<Record<string, { audit: number; seccomp: number; socket: number } | undefined>> = {
  x86_64: { audit: 0xc000003e, seccomp: 317, socket: 41 },
  aarch64: { audit: 0xc00000b7, seccomp: 277, socket: 198 },
};

/** `struct seccomp_data`: offsets of what the filter looks at (the machines above are little-endian). */
const SECCOMP_DATA = { number: 0, audit: 4, domain: 16, type: 24 } as const;
const RETURN_ALLOW = 0x7fff0000;
/** `SECCOMP_RET_ERRNO` with EPERM. */
const RETURN_REFUSE = 0x00050001;
const AF_NETLINK = 16;
const AF_PACKET = 17;
const SOCK_RAW = 3;
/** The kind of a socket without SOCK_CLOEXEC and SOCK_NONBLOCK, which share the argument. */
const SOCK_TYPE_MASK = 0xf;

/** Classic BPF, <linux/bpf_common.h>. */
const LOAD = 0x20;
const AND = 0x54;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;

/**
 * Gives up the capabilities of the calling thread (a change of user takes those of all), and for all threads the ways to
 * new ones: programs that run with more rights than who starts them, and new packet and raw sockets, which is all that
 * a capability left in another thread could open. Open devices stay usable. Gives what could not be done, a line each.
 */
export function shutRights(): string[] {
  if (Deno.build.os !== "linux") return [];
  const { prctl, capset, syscall } = libc();
  const left: string[] = [];
  const because = () => errnoText(errno());
  const header = new Uint32Array([CAPABILITY_VERSION, 0]);
  if (capset === null || capset(header, new Uint32Array(CAPABILITY_DATA_WORDS)) !== 0) {
    left.push(`capabilities stay (${because()})`);
  }
  if (prctl === null || prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n) !== 0) {
    left.push(`no_new_privs is not set (${because()})`);
    return left;
  }
  const machine = MACHINES[Deno.build.arch];
  if (machine === undefined || syscall === null) {
    left.push("no_new_privs is set for the main thread only (no filter for this machine)");
    return left;
  }
  const instructions = socketFilter(machine);
  // struct sock_fprog: how many instructions, and where.
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, instructions.byteLength / 8, true);
  program.setBigUint64(8, addressOf(instructions), true);
  const bytes = new Uint8Array(program.buffer);
  const result = syscall(BigInt(machine.seccomp), SECCOMP_SET_MODE_FILTER, SECCOMP_ALL_THREADS, bytes);
  if (result !== 0n) {
    left.push(`no_new_privs is set for the main thread only (seccomp: ${because()})`);
  }
  return left;
}

/**
 * Marks all open descriptors but the standard ones, so that programs that are started do not have them: libpcap's
 * socket and nftables' have no such mark of their own. Without close_range (Linux 5.11) they stay as they are.
 */
export function keepDescriptorsToOurselves(): void {
  libc().close_range?.(FIRST_OTHER_DESCRIPTOR, 0xffffffff, CLOSE_RANGE_CLOEXEC);
}

/** One step of a filter; jumps lead forward, to the position that they name. */
interface Instruction {
  readonly code: number;
  readonly value: number;
  readonly then?: number;
  readonly otherwise?: number;
}

/** Refuses packet and raw sockets but netlink's, and calls of another machine's numbers; allows everything else. */
function socketFilter(machine: { audit: number; socket: number }): Uint8Array<ArrayBuffer> {
  const ALLOW = 10;
  const REFUSE = 11;
  const load = (offset: number) => ({ code: LOAD, value: offset });
  const ifEqual = (value: number, then: number, otherwise: number) => ({
    code: JUMP_IF_EQUAL,
    value,
    then,
    otherwise,
  });
  const steps: readonly Instruction[] = [
    load(SECCOMP_DATA.audit),
    ifEqual(machine.audit, 2, REFUSE),
    load(SECCOMP_DATA.number),
    ifEqual(machine.socket, 4, ALLOW),
    load(SECCOMP_DATA.domain),
    ifEqual(AF_PACKET, REFUSE, 6),
    ifEqual(AF_NETLINK, ALLOW, 7),
    load(SECCOMP_DATA.type),
    { code: AND, value: SOCK_TYPE_MASK },
    ifEqual(SOCK_RAW, REFUSE, ALLOW),
    { code: RETURN, value: RETURN_ALLOW },
    { code: RETURN, value: RETURN_REFUSE },
  ];
  // struct sock_filter: code, two distances of jumps, a value.
  const view = new DataView(new ArrayBuffer(steps.length * 8));
  steps.forEach((step, position) => {
    const at = position * 8;
    view.setUint16(at, step.code, true);
    const { then, otherwise } = step;
    if (then !== undefined) view.setUint8(at + 2, then - position - 1);
    if (otherwise !== undefined) view.setUint8(at + 3, otherwise - position - 1);
    view.setUint32(at + 4, step.value, true);
  });
  return new Uint8Array(view.buffer);
}
