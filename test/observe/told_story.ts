/**
 * The lab's connection on a bad path, told in the forms of the log: what docs/reading_the_log.md shows. Everything in it
 * is given (clock, secrets, the faults' seed), so that it is the same each time. Owns no expectation.
 */
import { ServeLog } from "../../src/cli/serve_log.ts";
import { parseServeOptions } from "../../src/cli/serve_options.ts";
import { Host, type HostOptions } from "../../src/host/host.ts";
import { faultLink } from "../../src/link/fault_link.ts";
import { parseFaultSpec } from "../../src/link/fault_spec.ts";
import { type FrameLink, memoryPair, VirtualClock, VirtualNetwork } from "../../mod.ts";

const EPOCH_US = 1_700_000_000_000_000;
const PORT = 3333;

/** What the host tells beside the usual. */
type Shown = Pick<HostOptions, "showPayload" | "showTimers" | "showSamples">;

/** A host at `last` whose random numbers are always the same. */
function hostAt(link: FrameLink, { last, ...shown }: { last: number } & Shown): Host {
  return new Host({
    link,
    addresses: [{ address: Uint8Array.of(10, 77, 0, last), prefixLength: 24 }],
    secret: new Uint8Array(16).fill(last),
    epochUs: EPOCH_US,
    ...shown,
  });
}

/** What `serve` with these arguments would log, on a page of `width` columns; Infinity: not on a terminal. */
export async function toldStory(args: readonly string[], width = Infinity): Promise<string> {
  const { log: form, logStyle, payload } = parseServeOptions(args);
  let text = "";
  const output = {
    writeSync: (bytes: Uint8Array) => {
      text += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  };
  const log = new ServeLog({ form, output, width, style: logStyle, utcOffsetMinutes: 0 });
  const network = new VirtualNetwork(new VirtualClock());
  const { clock } = network;
  const [clientLink, wire] = memoryPair();
  const faults = parseFaultSpec("in:drop=12%,seed=10");
  const serverLink = faultLink(wire, {
    faults,
    nowUs: () => clock.nowUs(),
    observer: {
      isWatched: () => server.faultObserver.isWatched(),
      touched: (touched) => server.faultObserver.touched(touched),
      handsUp: (number) => server.faultObserver.handsUp(number),
    },
  });
  const client = hostAt(clientLink, { last: 2 });
  const server: Host = hostAt(serverLink, {
    last: 1,
    showPayload: payload,
    showTimers: logStyle.kinds.includes("timers"),
    showSamples: logStyle.kinds.includes("samples"),
  });
  server.observer = log.observer;
  network.join({ host: client, link: clientLink });
  network.join({ host: server, link: serverLink });

  server.listen({
    port: PORT,
    accept: () => ({
      onReadable: (connection) => void connection.echo(),
      onPeerClosed: (connection) => connection.closeWrite(),
    }),
  });
  const connection = client.connect({ address: Uint8Array.of(10, 77, 0, 1), port: PORT, handler: {} });
  network.advance(20_000);
  connection.write(new TextEncoder().encode("hello\n"));
  network.advance(1_000_000);
  connection.closeWrite();
  network.advance(3_000_000);
  await log.end();
  return text.trimEnd();
}
