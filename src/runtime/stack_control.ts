/**
 * The control socket of a stack that a program has made with the library, so that `tcplab netstat` shows it.
 *
 * Owns: whether there is one, and its life: from now until the stack ends. Must not know: what is answered on it.
 *
 * The program did not ask for a file and for a socket. So there is one only where it is served on a device, where nobody
 * has to be asked for a permission (a prompt would stop the program), and where the user's own directory for these can be
 * had; else there is none, and that is no error. It can be told to have none. Who asks must be the same user or root, and
 * can only look.
 */
import { type ControlSocket, openControlSocket } from "./control_socket.ts";
import type { Stack } from "./stack.ts";

/** What it takes to find the directory, to make the socket in it, and to take away those of servers that are gone. */
const PERMISSIONS: readonly Deno.PermissionDescriptor[] = [
  { name: "read" },
  { name: "write" },
  // To listen on a unix socket, and to ask whether somebody does.
  { name: "net" },
  // The network namespace is asked of the C library.
  { name: "ffi" },
  { name: "sys", kind: "uid" },
  { name: "env", variable: "TCPLAB_RUN_DIR" },
  { name: "env", variable: "XDG_RUNTIME_DIR" },
  { name: "env", variable: "TMPDIR" },
];

/** What is answered, and where; see {@link openControlSocket}. */
interface StackControlOptions {
  readonly answer: (request: string) => Iterable<unknown> | null;
  readonly directory?: string;
}

/**
 * Opens the socket of a stack; it is closed with the stack. Gives null, and asks nobody, where it cannot be. `describe` is
 * called once it is known that nothing that it looks at takes a permission more.
 */
export async function openStackControl(
  stack: Pick<Stack, "done">,
  describe: () => StackControlOptions,
): Promise<ControlSocket | null> {
  const isGranted = (permission: Deno.PermissionDescriptor) =>
    Deno.permissions.querySync(permission).state === "granted";
  if (!PERMISSIONS.every(isGranted)) return null;
  try {
    const control = await openControlSocket(describe());
    const close = () => control.close();
    stack.done.then(close, close);
    return control;
  } catch {
    return null;
  }
}
