/**
 * `tcplab serve`: the TCP server on a device.
 *
 * Owns: putting the parts together, and taking them apart again in order, however it ends. Must not know: TCP.
 *
 * How it ends: Ctrl-C, SIGTERM, `--once` and `--duration` are done (status 0). A device that vanishes and a log whose
 * reader has gone end the server, and are failures (status 1): what was asked for cannot be done any more. A log or a
 * recording that finds no room ends by itself, with a notice, and the server serves on; since not all is there that was
 * asked for, the status in the end is 1. A limit that was asked for (`--log-limit`, `--write-limit`) is no failure.
 */
import { http } from "../app/http.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { AddressLostError } from "./address_claim.ts";
import { type Command, EXIT_DONE } from "./command.ts";
import type { HttpService } from "./http_service.ts";
import { usageText } from "./options.ts";
import { endInOrder } from "./ordered_end.ts";
import type { PageAddress } from "./page_address.ts";
import { futureUser, giveUpRights } from "./privileges.ts";
import { parseServeOptions, type ServeConfig } from "./serve_options.ts";
import { SERVE_SYNTAX } from "./serve_syntax.ts";
import {
  connectionsText,
  openServerControl,
  refuseTakenAddresses,
  type ServerControlParts,
} from "./server_control.ts";
import { ServeScreen } from "./serve_screen.ts";
import type { Server } from "./server.ts";
import { openGround, type ServerGround } from "./server_ground.ts";
import { namedOutputs, READS_NONE, refuseSameFiles } from "./same_files.ts";
import { listenForStop, type StopSignals } from "./signals.ts";
import { pageWidth, printAside, printError } from "./terminal.ts";

async function run(args: string[]): Promise<number> {
  const asked = parseServeOptions(args);
  refuseSameFiles(READS_NONE, namedOutputs({ "--write": asked.write, "--log-file": asked.logStyle.file }));
  // From here on a signal asks for an end, so that nothing that is set up below can be left behind.
  using signals = listenForStop();
  await refuseTakenAddresses(asked);
  await using screen = new ServeScreen();
  await serve(screen.settle(asked), { signals, screen });
  return EXIT_DONE;
}

/** Serves until somebody or something ends it. Throws when that is a failure, with everything taken apart. */
async function serve(
  config: ServeConfig,
  { signals, screen }: { readonly signals: StopSignals; readonly screen: ServeScreen },
): Promise<void> {
  // Judged before anything is opened, because giving up rights comes last.
  const user = futureUser(config.user);
  const { notice } = screen;
  const clock = systemClock();
  using parts = new DisposableStack();
  // What cannot be served is said before anything is opened.
  const web = await openHttp(config, { clock, notice });
  const ground = await openGround({ ...config, meanwhile: () => void loadServer() }, clock);
  parts.defer(() => ground.link.close());
  parts.defer(() => ground.guard?.remove());
  for (const remark of ground.remarks) notice(remark);
  if (config.rstGuard === "nft") notice(guardNotice(ground));
  const { Server: ServerAtWork, openReaders, summaryToText, watchCarrier } = await loadServer();
  const spoken: ServerControlParts = { config, ground, notice, server: null };
  const host = () => spoken.server?.host ?? null;
  const { log, recording } = openReaders(config, { ground, clock, notice, host });
  parts.use(log);
  parts.defer(() => recording?.finish());
  const control = await openServerControl(spoken);
  parts.defer(() => control?.close());
  const page = config.ui === null ? null : await openPage(config.ui, notice);
  parts.defer(() => void page?.close());
  // The last that takes rights is done, and the first frame from a stranger not yet read.
  await using _rights = giveUpRights({ user, socketPath: control?.path ?? null, notice });
  recording?.demandRights();
  // Last, so that what is refused is said on the lines of the terminal.
  await screen.open(config);
  const server = new ServerAtWork({ config, ground, clock, log, recording, notice, http: web });
  parts.defer(() => server.stack.close());
  spoken.server = server;
  screen.show(server, { parts: spoken, page: page?.url ?? null });
  if (page !== null) {
    page.show(server, spoken);
    notice(`Live page: ${page.url}`);
  }
  signals.onQuit(() => {
    // A screen shows them already.
    if (!screen.isOn) printAside(connectionsText(spoken, { width: pageWidth() }));
  });
  parts.use(watchCarrier({ link: ground.link, clock, host: server.host, notice, flush: () => log.flush() }));

  let failure: unknown = null;
  try {
    await Promise.race([
      signals.graceful,
      ...(screen.quit === null ? [] : [screen.quit]),
      ...(config.once ? [server.firstClosed] : []),
      ...(config.durationMs === null ? [] : [elapsed(config.durationMs)]),
      server.stack.done,
      log.readerGone,
      server.addressLost,
    ]);
  } catch (error) {
    failure = error;
  }
  await screen.close();
  // What a page has paused would not hear the answers to the FINs, and nobody is to pause it now.
  page?.ends();
  const atEnd = await endInOrder(server, { signals, atOnce: failure instanceof AddressLostError });
  failure ??= atEnd;
  await screen.close();
  recording?.finish();
  await recording?.ended();
  const summary = server.summary();
  const isLogWhole = await log.end(summary);
  if (!isLogWhole && log.failure === null) notice(LOG_NOT_TAKEN);
  // What the log cannot say any more. Whose reader has gone on purpose has seen enough.
  const isReaderGone = log.failure !== null && failure === log.failure;
  if (config.log === "none" || config.log === "tui" || !(isLogWhole || isReaderGone)) {
    printError(summaryToText(summary, { width: pageWidth() }));
  }
  failure ??= recording?.failure ?? log.failure;
  if (failure !== null) throw failure;
}

/** Told when a reader has stood still. */
const LOG_NOT_TAKEN =
  "The log's reader has not taken the end of it: what is missing there is lost, but for the summary";

/** The modules that are needed once the device is open: most of the program. The second call finds them loaded. */
async function loadServer() {
  const [server, readers, summary, carrier] = await Promise.all([
    import("./server.ts"),
    import("./session_readers.ts"),
    import("../observe/summary.ts"),
    import("./device_notices.ts"),
  ]);
  return { ...server, ...readers, ...summary, ...carrier };
}

/** What answers HTTP, whose modules are loaded for those only who ask for it; null where nobody does. */
async function openHttp(
  { services, www, maxConnections }: ServeConfig,
  about: { readonly clock: Clock; readonly notice: (line: string) => void },
): Promise<HttpService | null> {
  if (!services.some(({ app }) => app === http.name)) return null;
  const { openHttpService } = await import("./http_service.ts");
  return await openHttpService({ www, maxConnections, ...about });
}

/** The live page, whose modules are loaded for those only who ask for it. */
async function openPage(address: PageAddress, notice: (line: string) => void) {
  const [{ openLivePage, showServer }, { reachablePage }] = await Promise.all([
    import("./live_page.ts"),
    import("./page_forwarding.ts"),
  ]);
  const page = await openLivePage(address, notice);
  const reach = await reachablePage(page.url);
  return {
    url: reach.url,
    show: (server: Server, parts: ServerControlParts) => showServer(page, { server, parts }),
    ends: () => page.ends(),
    close: async () => {
      reach[Symbol.dispose]();
      await page.close();
    },
  };
}

/** What a person should know who asked for the guard. */
function guardNotice({ guard, addresses }: ServerGround): string {
  if (guard === null) return "No guard is set: the kernel does not own the address, and sends no RST for it";
  const owned = addresses.filter((served) => served.kernelOwned).map((served) => served.text).join(", ");
  return `The kernel's RST from ${owned} is dropped by nft table ${guard.table} until the server ends`;
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The command. */
export const command: Command = {
  name: "serve",
  summary: "the TCP server on a device, with every segment and every state change shown",
  syntax: SERVE_SYNTAX,
  usage: usageText(SERVE_SYNTAX),
  run,
};
