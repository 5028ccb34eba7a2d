/**
 * The live page of a command: opened before rights are given up, shown once there is a server.
 *
 * Owns: what of a running server the page is given. Must not know: HTTP (src/web), what a page looks like (src/page).
 */
import { findPageDocument } from "../web/page_document.ts";
import { PageServer } from "../web/page_server.ts";
import type { PageAddress } from "./page_address.ts";
import type { Server } from "./server.ts";
import { pageSubject } from "./page_subject_of.ts";
import type { ServerControlParts } from "./server_control.ts";
import { VERSION } from "./version.ts";

/** Takes the page's port, and makes the page ready. Throws one line where that cannot be; `notice` is told when it ends early. */
export async function openLivePage(
  address: PageAddress,
  notice: (line: string) => void,
): Promise<PageServer> {
  // First: what is in the way of the port is known at once.
  const page = new PageServer({
    ...address,
    version: VERSION,
    document: () => Promise.resolve(document),
    onBroken: notice,
  });
  let document = "";
  try {
    document = await findPageDocument();
  } catch (error) {
    await page.close();
    throw error;
  }
  return page;
}

/** Shows a server on its page. */
export function showServer(
  page: PageServer,
  about: {
    readonly server: Server;
    readonly parts: Pick<ServerControlParts, "config" | "ground" | "notice">;
  },
): void {
  page.show(pageSubject(about.server, about.parts));
}
