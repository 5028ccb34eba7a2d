/**
 * The two ends in a connection's name.
 *
 * Owns: taking them apart. Must not know: how they are shown. It needs no package, so that a program that uses the library
 * without our import map has its server shown by `netstat` too.
 */
/** The two ends of a connection's name, `LOCAL_IP:PORT-PEER_IP:PORT`; an end that is not there is empty. */
export function connectionEnds(connection: string): { local: string; peer: string } {
  const dash = connection.indexOf("-");
  return dash < 0
    ? { local: connection, peer: "" }
    : { local: connection.slice(0, dash), peer: connection.slice(dash + 1) };
}
