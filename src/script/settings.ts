/**
 * Settings: what a shell line of a script means to a stack that no shell can reach.
 *
 * Owns: the values that such a line becomes. Must not know: words of the shell (shell_line.ts), names of kernels' settings
 * (sysctl_*.ts), or who carries a meaning out (runner.ts).
 */
import type { TcpConfig } from "../tcp/config.ts";
import type { IpHabits, SocketDefaults } from "../tcp/profile.ts";
import type { TcpState } from "../tcp/state.ts";

/**
 * What is to change. `tcp` goes into the host's settings (`Host.configure`): what a connection takes when it begins counts
 * for new ones, all else at once, as with a kernel's own settings. `sockets` counts for sockets that are made later.
 */
export interface SettingChanges {
  readonly tcp?: Readonly<Partial<TcpConfig>>;
  readonly ip?: Readonly<Partial<IpHabits>>;
  readonly sockets?: Readonly<Partial<SocketDefaults>>;
  /** What peers have taught beyond a connection (Fast Open cookies) is to be forgotten. */
  readonly forgetPeers?: boolean;
  /** For one peer only: what a route says (`ip route change ADDRESS ... advmss N mtu lock N initcwnd N`). */
  readonly route?: RouteChange;
}

/** A route with figures of its own. */
export interface RouteChange {
  readonly address: string;
  /** MSS that is offered there; absent: as the MTU allows. */
  readonly mss?: number;
  readonly mtu?: number;
  readonly initialWindowSegments?: number;
}

/** Some of the settings in force. */
export interface SettingsSoFar {
  readonly tcp: Readonly<TcpConfig>;
  readonly sockets: Readonly<SocketDefaults>;
}

/** A row of the table of sockets, as `sockstat`, `ss` and `netstat` show one. */
export interface SocketRow {
  readonly state: TcpState;
  readonly family: 4 | 6;
  readonly localPort: number;
  readonly peerPort: number;
  /** As text, without a port. */
  readonly localAddress: string;
  /** A descriptor of the script's process is still open for it. */
  readonly isOpen: boolean;
}

/** Which rows are counted; what is null does not matter. */
export interface SocketSelection {
  readonly state: TcpState | null;
  readonly family: 4 | 6 | null;
  /** Of either end. */
  readonly port: number | null;
  readonly localAddress: string | null;
  /** Only those for which a descriptor is open. */
  readonly openOnly: boolean;
}

/** One thing that a shell line does. */
export type ShellMeaning =
  | { readonly kind: "settings"; readonly changes: SettingChanges }
  /** How many rows there are, as text, has to contain `countText` (`grep -c STATE | grep 1`); null: there has to be one. */
  | {
    readonly kind: "assert-connections";
    readonly selection: SocketSelection;
    readonly countText: string | null;
  }
  /** The host has counted something there since a line asked last (`nstat | grep NAME`); null: the line only asks (`nstat`). */
  | { readonly kind: "assert-counted"; readonly counter: string | null }
  /** Connections that are ended from outside (`tcpdrop -s STATE`): as by an abort. */
  | { readonly kind: "drop"; readonly selection: SocketSelection }
  /** The line fails, by what is known already (`sysctl -n NAME | grep -q VALUE` with another value). */
  | { readonly kind: "fails"; readonly reason: string }
  | { readonly kind: "pause"; readonly us: number }
  /** It does nothing here, and why that is right. */
  | { readonly kind: "nothing"; readonly reason: string }
  /** The words that nobody here understands: the verdict `unsupported` names them; and what may have been meant, or "". */
  | { readonly kind: "unsupported"; readonly construct: string; readonly meant: string };

/** Whether a row is one of those selected. */
export function isSelected(row: SocketRow, selection: SocketSelection): boolean {
  const { state, family, port, localAddress, openOnly } = selection;
  if (state !== null && row.state !== state) return false;
  if (family !== null && row.family !== family) return false;
  if (port !== null && row.localPort !== port && row.peerPort !== port) return false;
  if (localAddress !== null && row.localAddress !== localAddress) return false;
  return !openOnly || row.isOpen;
}
