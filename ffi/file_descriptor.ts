/**
 * What a file descriptor is.
 *
 * Owns: asking the kernel about it. Must not know: what is read from it or written to it.
 *
 * Deno tells of standard output only whether it is a terminal: its stat of /dev/stdout takes `--allow-all`, and
 * loading node:fs, whose fstat needs no permission, costs 20 ms of the start.
 */
import { libc } from "./libc.ts";

const SEEK_CUR = 1;

/** Whether it has a position, as files and block devices have; pipes, sockets and terminals have none. */
export function isSeekable(fd: number): boolean {
  // off_t has 64 bits on every platform that Deno runs on.
  return Number(libc().lseek(fd, 0n, SEEK_CUR)) >= 0;
}
