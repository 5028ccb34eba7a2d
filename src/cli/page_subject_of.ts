/**
 * What of a running server those are given who show and steer it: the live page, and the screen of a terminal.
 *
 * Owns: this choice. Must not know: who they are.
 */
import { APPLICATIONS, OFFERED_APPLICATIONS } from "../app/applications.ts";
import type { PageSubject } from "../web/page_subject.ts";
import type { Server } from "./server.ts";
import { type ServerControlParts, speakerOf } from "./server_control.ts";

/** A server as they see it. */
export function pageSubject(
  server: Server,
  parts: Pick<ServerControlParts, "config" | "ground" | "notice">,
): PageSubject {
  return {
    speaker: speakerOf({ ...parts, server }, Date.now() / 1000),
    leave: () => server.stack.pump.leave(),
    observe: (observer, interest) => server.stack.observe(observer, interest),
    injector: server.injector,
    linkStats: () => server.stack.link.stats(),
    tell: (kind, message) => {
      server.tell(kind, message);
      parts.notice(message);
    },
    applications: {
      names: (server.hasHttp ? OFFERED_APPLICATIONS : APPLICATIONS).map(({ name }) => name),
      set: (port, name) => server.setApplication(port, name),
    },
  };
}
