/**
 * The Python that has scapy, which is not always the first on the search path.
 *
 * Owns: looking for it, once. Must not know: what is done with it.
 */

/** Local choice: the search path's own, and where distributions put theirs, for which they package scapy. */
const CANDIDATES = ["python3", "/usr/bin/python3"];

/** The first Python that can import scapy, null where none can. */
export const SCAPY_PYTHON: string | null = CANDIDATES.find(hasScapy) ?? null;

function hasScapy(program: string): boolean {
  try {
    const args = ["-c", "import scapy"];
    return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}
