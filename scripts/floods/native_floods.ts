/**
 * The C programs of the floods: built anew for each run, into a folder of their own.
 *
 * Owns: which there are, and their folder. Must not know: what they do, and how a compiler is found
 * (bench/native_programs.ts).
 */
import { compile, findCompiler } from "../bench/native_programs.ts";

/** The folder with the built programs, gone when it is disposed of. */
export interface FloodPrograms extends AsyncDisposable {
  readonly folder: string;
  /** Frames that belong to no connection. */
  readonly stateless: string;
  /** Connections by the ten thousand. */
  readonly hostileClients: string;
  /** The honest client. */
  readonly visitor: string;
  /** What looks at the server's process. */
  readonly watch: string;
  /** The kernel's TCP, to compare with. */
  readonly kernelServer: string;
  readonly compiler: string;
}

/** Builds all programs. Throws an Error with one line for a person where that cannot be. */
export async function buildFloodPrograms(): Promise<FloodPrograms> {
  const compiler = await findCompiler();
  const folder = await Deno.makeTempDir({ prefix: "tcplab-floods-" });
  // A lab's processes may belong to another user.
  await Deno.chmod(folder, 0o755);
  const remove = () => Deno.remove(folder, { recursive: true });
  const build = (name: string, source: string) => {
    const sources = [new URL(source, import.meta.url).href];
    return compile(compiler.name, { output: `${folder}/${name}`, sources, libraries: [] });
  };
  try {
    const [stateless, hostileClients, visitor, watch, kernelServer] = await Promise.all([
      build("stateless", "native/stateless.c"),
      build("hostile_clients", "native/hostile_clients.c"),
      build("visitor", "native/visitor.c"),
      build("watch", "native/watch.c"),
      build("kernel_server", "../bench/reference/kernel_server.c"),
    ]);
    return {
      folder,
      stateless,
      hostileClients,
      visitor,
      watch,
      kernelServer,
      compiler: compiler.version,
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
