/**
 * ActiveOpens: from whom to whom a connection goes that we begin (RFC 9293 §3.10.1).
 *
 * Owns: what the user may ask for, and what is chosen where it is silent. Must not know: what becomes of the connection.
 */
import { formatEndpoint, formatIpAddress } from "../wire/address.ts";
import type { ConnectOptions } from "./api.ts";
import type { ConnectionAddresses } from "./connection.ts";
import type { Connections } from "./connections.ts";
import type { FastOpenPath } from "./fast_open_api.ts";
import { EphemeralPorts } from "./ephemeral_ports.ts";
import { HostError } from "./host_error.ts";
import type { OwnAddresses } from "./own_addresses.ts";
import type { Routes } from "./routes.ts";

const MOST_PORT = 0xffff;

/** What is looked at. */
interface ActiveOpensOptions {
  readonly addresses: OwnAddresses;
  readonly routes: Routes;
  readonly connections: Connections;
}

/** The active opens of one host. */
export class ActiveOpens {
  readonly #options: ActiveOpensOptions;
  readonly #ports: EphemeralPorts;

  constructor(options: ActiveOpensOptions) {
    const { connections } = options;
    this.#options = options;
    this.#ports = new EphemeralPorts({
      offset: (ends) => connections.portOffset(ends),
      isTaken: (ends) =>
        connections.isTaken(ends) || connections.listeners.find(ends.localPort, ends.localAddress) !== null,
    });
  }

  /** Both ends but for the local port, 0. Throws Error for whom nobody can connect to. */
  pathTo({ address, port, localAddress: wanted }: FastOpenPath): ConnectionAddresses {
    const localAddress = this.#options.routes.demandSource(address, wanted);
    return { localAddress, localPort: 0, peerAddress: address, peerPort: port };
  }

  /** Both ends. Throws RangeError for a bad port, and Error for whom nobody can connect to, with what can be done about it. */
  endsOf({ address, port, localAddress: wanted, localPort: given }: ConnectOptions): ConnectionAddresses {
    const { addresses, routes, connections } = this.#options;
    if (!isPort(port)) throw new RangeError(`Expected a port from 1 to ${MOST_PORT}, got ${port}`);
    if (!addresses.isHostAddress(address)) {
      // MUST-46
      const what = addresses.whatInstead(address);
      throw new HostError(
        "EADDRNOTAVAIL",
        `Cannot connect to ${formatIpAddress(address)}: it is not the address of another host, but ${what}`,
      );
    }
    const localAddress = routes.demandSource(address, wanted);
    const localPort = given ?? this.#ports.choose({ localAddress, peerAddress: address, peerPort: port });
    if (!isPort(localPort)) {
      throw new RangeError(`Expected a local port from 1 to ${MOST_PORT}, got ${localPort}`);
    }
    const ends = { localAddress, localPort, peerAddress: address, peerPort: port };
    if (connections.isTaken(ends)) {
      throw new HostError(
        "EADDRNOTAVAIL",
        `Port ${localPort} already has a connection to ${formatEndpoint(address, port)}`,
      );
    }
    return ends;
  }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= MOST_PORT;
}
