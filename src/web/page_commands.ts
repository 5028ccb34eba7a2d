/**
 * What a person does to the server from the live page: faults, the end of a connection, one step at a time.
 *
 * Owns: reading what was asked for, and doing it between the pump's turns. Must not know: HTTP beyond a status, who asks.
 */
import type { HostConnection } from "../host/api.ts";
import type { FaultLink } from "../link/fault_link.ts";
import { parseOnceFault } from "../link/fault_once.ts";
import { parseFaultSpec } from "../link/fault_spec.ts";
import type { Tell } from "./page_notices.ts";
import type { PageSubject } from "./page_subject.ts";
import { controlState } from "./stream_messages.ts";

/** An answer, as JSON. */
export interface CommandAnswer {
  readonly status: 200 | 400 | 404 | 409;
  readonly body: unknown;
}

/** What is asked for, as it came, and who is told what came of it. */
interface Wish {
  readonly body: unknown;
  readonly tell: Tell;
}

/** Local choice: no specification that means anything is half as long. */
const MOST_SPEC_LETTERS = 512;

/** `POST /api/faults`: `{"spec": "in:drop=1%"}` (empty for none), `{"once": "drop:syn-ack"}`, `{"clear": true}` for those that wait. */
export function changeFaults(subject: PageSubject, { body, tell }: Wish): CommandAnswer {
  const { injector } = subject;
  if (injector === null) return refused(409, "Nothing can be done to frames here");
  const { spec, once, clear } = fieldsOf(body);
  try {
    if (typeof spec === "string" && spec.length <= MOST_SPEC_LETTERS) {
      // A seed alone is a specification without faults.
      const faults = parseFaultSpec(spec.trim() === "" ? "seed=1" : spec);
      const before = controlState(injector)?.faults;
      act(subject, () => injector.setFaults(faults));
      const now = controlState(injector);
      // As for those of the command line; and whoever sits at the server has not asked for these.
      if (now?.faults !== before) {
        tell(
          "faults-changed",
          now?.faults === null
            ? "Nothing is done to frames any more, as the live page asks"
            : `Frames are disturbed on purpose, as the live page asks: ${now?.faults}`,
        );
      }
      return done({ ...now });
    }
    if (typeof once === "string") {
      const fault = parseOnceFault(once);
      act(subject, () => injector.addOnce(fault));
      return done({ ...controlState(injector) });
    }
    if (clear === true) {
      act(subject, () => injector.clearOnce());
      return done({ ...controlState(injector) });
    }
  } catch (error) {
    return refused(400, error instanceof Error ? error.message : String(error));
  }
  return refused(400, 'Expected {"spec": "in:drop=1%"}, {"once": "drop:syn-ack"} or {"clear": true}');
}

/** `POST /api/apps`: `{"port": 3333, "app": "discard"}`, for connections that begin from now on. */
export function changeApplication(subject: PageSubject, { body, tell }: Wish): CommandAnswer {
  const { applications } = subject;
  if (applications === null) return refused(409, "Applications cannot be changed here");
  const { port, app } = fieldsOf(body);
  if (typeof port !== "number" || typeof app !== "string" || !applications.names.includes(app)) {
    const names = applications.names.join(", ");
    return refused(400, `Expected {"port": 3333, "app": NAME}, NAME one of ${names}`);
  }
  try {
    const before = subject.speaker.appOf(port);
    act(subject, () => applications.set(port, app));
    if (app !== before) {
      tell(
        "application-changed",
        `Port ${port} serves ${app}, as the live page asks: connections that begin from now on`,
      );
    }
    return done({ port, app });
  } catch (error) {
    return refused(404, error instanceof Error ? error.message : String(error));
  }
}

/** `POST /api/pause|step|resume`: whether frames that come in are taken. */
export function changePace(subject: PageSubject, how: "pause" | "step" | "resume"): CommandAnswer {
  const { injector } = subject;
  if (injector === null) return refused(409, "Frames cannot be held here");
  if (how === "step" && !injector.isPaused) return refused(409, "Not paused: pause first, then step");
  act(subject, () => paceOf(injector, how));
  return done({ ...controlState(injector) });
}

function paceOf(injector: FaultLink, how: "pause" | "step" | "resume"): void {
  if (how === "pause") injector.pause();
  else if (how === "step") injector.step();
  else injector.resume();
}

/** `POST /api/connections/ID/close|abort`: CLOSE or ABORT of RFC 9293 §3.10.4 and §3.10.5, in the application's stead. */
export function endConnection(
  subject: PageSubject,
  about: { id: number; how: "close" | "abort" },
): CommandAnswer {
  const connection = findConnection(subject, about.id);
  if (connection === null) return refused(404, `There is no connection ${about.id} (any more)`);
  act(subject, () => {
    if (about.how === "abort") connection.abort();
    // What the application has not read yet is no reason for a RST here: FIN is what was asked for.
    else connection.closeAndDrain();
  });
  return done({ id: about.id, state: connection.state });
}

/** A living connection by its number. */
export function findConnection(subject: PageSubject, id: number): HostConnection | null {
  // The newest first: it is mostly one of those.
  for (const connection of subject.speaker.host.newestConnections()) {
    if (connection.id === id) return connection;
    if (connection.id < id) return null;
  }
  return null;
}

function act(subject: PageSubject, doing: () => void): void {
  subject.speaker.enter();
  try {
    doing();
  } finally {
    subject.leave();
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function done(body: unknown): CommandAnswer {
  return { status: 200, body };
}

function refused(status: 400 | 404 | 409, error: string): CommandAnswer {
  return { status, body: { error } };
}
