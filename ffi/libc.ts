/**
 * The few functions of the C library that Deno does not offer, and errno.
 *
 * Owns: the symbol table of libc with its prototypes, opening it on request, LibcError.
 * Must not know: what the calls are used for.
 *
 * Works on Linux and macOS. `ioctl` is variadic in C, which on Linux makes no difference for pointers and integers;
 * on Apple's arm64 it does, so nothing calls it there.
 */

import { readCString } from "./native_memory.ts";

const LIBC_SYMBOLS = {
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32", nonblocking: true },
  // int eventfd(unsigned int initval, int flags);          (Linux)
  eventfd: { parameters: ["u32", "i32"], result: "i32", optional: true },
  // int pipe(int pipefd[2]);
  pipe: { parameters: ["buffer"], result: "i32" },
  // int open(const char *pathname, int flags);          (nothing here makes files, which would take a third argument)
  open: { parameters: ["buffer", "i32"], result: "i32" },
  // ssize_t readlink(const char *pathname, char *buf, size_t bufsiz);
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  // ssize_t read(int fd, void *buf, size_t count);
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // ssize_t write(int fd, const void *buf, size_t count);
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // off_t lseek(int fd, off_t offset, int whence);
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  // int close(int fd);
  close: { parameters: ["i32"], result: "i32" },
  // The same on a helper thread: the kernel lets all users of a bound packet socket finish first, which takes 10 ms.
  close_aside: { name: "close", parameters: ["i32"], result: "i32", nonblocking: true },
  // int socket(int domain, int type, int protocol);
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen);
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen);
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  // ssize_t recv(int sockfd, void *buf, size_t len, int flags);          (len and result below 2^31)
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  // void *memcpy(void *dest, const void *src, size_t n);          (n below 2^32)
  memcpy: { parameters: ["pointer", "pointer", "u32"], result: "void" },
  // int getpagesize(void);
  getpagesize: { parameters: [], result: "i32" },
  // int sendmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags);          (Linux)
  sendmmsg: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32", optional: true },
  // unsigned int if_nametoindex(const char *ifname);
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  // char *if_indextoname(unsigned int ifindex, char *ifname);
  if_indextoname: { parameters: ["u32", "buffer"], result: "pointer" },
  // int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res);
  getaddrinfo: { parameters: ["buffer", "pointer", "buffer", "buffer"], result: "i32", nonblocking: true },
  // void freeaddrinfo(struct addrinfo *res);
  freeaddrinfo: { parameters: ["pointer"], result: "void" },
  // const char *gai_strerror(int errcode);
  gai_strerror: { parameters: ["i32"], result: "pointer" },
  // int ioctl(int fd, unsigned long request, ...);
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  // char *strerror(int errnum);
  strerror: { parameters: ["i32"], result: "pointer" },
  // int *__errno_location(void);          (Linux)
  __errno_location: { parameters: [], result: "pointer", optional: true },
  // int *__error(void);          (macOS)
  __error: { parameters: [], result: "pointer", optional: true },
  // struct passwd *getpwnam(const char *name);
  getpwnam: { parameters: ["buffer"], result: "pointer" },
  // uid_t getuid(void);
  getuid: { parameters: [], result: "u32" },
  // uid_t geteuid(void);
  geteuid: { parameters: [], result: "u32" },
  // int initgroups(const char *user, gid_t group);
  initgroups: { parameters: ["buffer", "u32"], result: "i32" },
  // struct passwd *getpwuid(uid_t uid);
  getpwuid: { parameters: ["u32"], result: "pointer" },
  // int getgroups(int size, gid_t list[]);
  getgroups: { parameters: ["i32", "buffer"], result: "i32" },
  // int setgroups(size_t size, const gid_t *list);
  setgroups: { parameters: ["usize", "buffer"], result: "i32" },
  // int setegid(gid_t egid);
  setegid: { parameters: ["u32"], result: "i32" },
  // int seteuid(uid_t euid);
  seteuid: { parameters: ["u32"], result: "i32" },
  // int setgid(gid_t gid);
  setgid: { parameters: ["u32"], result: "i32" },
  // int setuid(uid_t uid);
  setuid: { parameters: ["u32"], result: "i32" },
  // int prctl(int option, unsigned long arg2, ... arg5);          (Linux)
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32", optional: true },
  // int capset(cap_user_header_t hdrp, const cap_user_data_t datap);          (Linux)
  capset: { parameters: ["buffer", "buffer"], result: "i32", optional: true },
  // long syscall(long number, ...);          (as seccomp(2) takes its arguments, which has no function of its own)
  syscall: { parameters: ["isize", "u32", "u32", "buffer"], result: "isize", optional: true },
  // int close_range(unsigned int first, unsigned int last, int flags);          (Linux)
  close_range: { parameters: ["u32", "u32", "i32"], result: "i32", optional: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** libc's functions as callable values. */
export type LibcSymbols = Deno.DynamicLibrary<typeof LIBC_SYMBOLS>["symbols"];

/** A call of the C library failed; `message` is one line for a person. */
export class LibcError extends Error {
  override name = "LibcError";
  /** The function that failed. */
  readonly operation: string;
  /** C's errno after it, 0 where unknown. */
  readonly errno: number;

  /** `detail` stands in for the system's words about `errno` where those say nothing. */
  constructor(failure: { operation: string; errno: number; what: string; remedy: string; detail?: string }) {
    super(`${failure.what}: ${failure.detail ?? errnoText(failure.errno)}. ${failure.remedy}`);
    this.operation = failure.operation;
    this.errno = failure.errno;
  }
}

/** Error numbers that decide something here, and differ between Linux and macOS. */
export const ERRNO = Deno.build.os === "linux" || Deno.build.os === "android"
  ? { invalid: 22, noDevice: 19, noDeviceOrAddress: 6, networkDown: 100, tooLong: 90 } as const
  : { invalid: 22, noDevice: 19, noDeviceOrAddress: 6, networkDown: 50, tooLong: 40 } as const;

let shared: LibcSymbols | null = null;

/** The C library; opened at the first call. Throws {@link LibcError} where there is none to use. */
export function libc(): LibcSymbols {
  return shared ??= openLibc();
}

/** C's errno of this thread; to be read right after the call that failed. */
export function errno(): number {
  const { __errno_location, __error } = libc();
  const location = __errno_location !== null ? __errno_location() : __error !== null ? __error() : null;
  return location === null ? 0 : new Deno.UnsafePointerView(location).getInt32();
}

/** The C library's words for an error number, as libpcap puts them into its messages. */
export function errnoText(errnum: number): string {
  return errnum === 0 ? "unknown error" : readCString(libc().strerror(errnum)) ?? `errno ${errnum}`;
}

function openLibc(): LibcSymbols {
  const os = Deno.build.os;
  if (os === "windows") throw new Error("Live capture on Windows is not supported yet: use Linux or macOS");
  const names = os === "darwin" ? ["libSystem.B.dylib"] : ["libc.so.6", "libc.so.7", "libc.so"];
  let first: unknown = null;
  for (const name of names) {
    try {
      return Deno.dlopen(name, LIBC_SYMBOLS).symbols;
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}
