/**
 * Whether this process has rights that its user has not: by capabilities of the program's file, or by set-user-ID.
 *
 * Owns: asking the system for that. Must not know: what follows from it.
 */

/** AT_SECURE of the auxiliary vector (Linux, getauxval(3)). */
const AT_SECURE = 23;

const SYMBOLS = {
  // unsigned long getauxval(unsigned long type);          (Linux)
  getauxval: { parameters: ["usize"], result: "usize", optional: true },
  // int issetugid(void);          (macOS, BSD)
  issetugid: { parameters: [], result: "i32", optional: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** The C library by platform; no entry where the question makes no sense. */
const LIBRARIES: Readonly<Partial<Record<typeof Deno.build.os, readonly string[]>>> = {
  linux: ["libc.so.6", "libc.so"],
  darwin: ["libSystem.B.dylib"],
};

/**
 * True when the program's file gave the process rights, so that the environment, which its user controls, must not
 * decide what code it runs. False where the system cannot say.
 */
export function hasRightsOfItsFile(): boolean {
  for (const name of LIBRARIES[Deno.build.os] ?? []) {
    try {
      const { getauxval, issetugid } = Deno.dlopen(name, SYMBOLS).symbols;
      if (getauxval !== null) return getauxval(BigInt(AT_SECURE)) !== 0n;
      if (issetugid !== null) return issetugid() !== 0;
    } catch {
      // not the name of the C library here
    }
  }
  return false;
}
