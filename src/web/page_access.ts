/**
 * Who may use the live page: the process behind it may be root's, and any program and any web site of this machine can reach
 * a loopback address.
 *
 * Owns: the token, and the judgement of a request's address, method, `Host` and `Origin`, before anything is done for it. Must
 * not know: what a request asks for.
 *
 * The token keeps out other users and programs. `Host` keeps out web sites whose name was made to lead here (DNS rebinding),
 * `Origin` those whose scripts send requests from a person's browser (RFC 6454 §7).
 */

/** Local choice: guessing 128 bits takes longer than anybody lives. */
const TOKEN_BYTES = 16;
/** Local choice: several times what the page itself asks for. */
const MOST_URL_LETTERS = 1024;
/** The names of this machine to itself, whatever the port: `ssh -L` leads to another. */
const OWN_NAMES: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** Why a request is refused. */
export interface Refusal {
  readonly status: 400 | 403 | 405 | 414;
  /** One line. */
  readonly message: string;
}

/** A token of random bytes, in letters that need no escape in an address. */
export function newToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Judges a request by everything but what it asks for; null when it may go on. */
export function judgeRequest(request: Request, token: string): Refusal | null {
  const refusal = judgeVisitor(request);
  if (refusal !== null || isSameText(tokenIn(request), token)) return refusal;
  return {
    status: 403,
    message:
      "The token is missing or wrong: use the whole address that serve has printed, ?token=... included",
  };
}

/** The same without a token: for what steers nothing and knows nothing. */
export function judgeVisitor(request: Request): Refusal | null {
  if (request.url.length > MOST_URL_LETTERS) {
    return { status: 414, message: `Addresses here have ${MOST_URL_LETTERS} letters at most` };
  }
  if (request.method !== "GET" && request.method !== "POST") {
    return { status: 405, message: "GET and POST only" };
  }
  const host = request.headers.get("host") ?? "";
  if (!OWN_NAMES.has(nameOf(host))) {
    return {
      status: 403,
      message: "This page is for this machine only: use the address that tcplab has printed",
    };
  }
  const origin = request.headers.get("origin");
  // Programs other than browsers send none; what a browser sends for another site is that site's.
  if (origin !== null && origin !== `http://${host}`) {
    return { status: 403, message: "Other sites may not use this page" };
  }
  // A request may bring a whole address (RFC 9112 §3.2.2), and it may be any.
  if (!URL.canParse(request.url)) return { status: 400, message: "This is no address" };
  return null;
}

/** Of the address, or of a header, as monitoring programs send it. */
function tokenIn(request: Request): string {
  const bearer = /^Bearer ([0-9a-f]+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
  return bearer ?? new URL(request.url).searchParams.get("token") ?? "";
}

/** The name in a `Host` header, without the port; an address of IPv6 keeps its brackets, and of what is no port nothing goes. */
function nameOf(host: string): string {
  return host.toLowerCase().replace(/:(\d{1,5})$/, (whole, port) => Number(port) <= 0xffff ? "" : whole);
}

/** Takes the same time wherever the first difference is. */
function isSameText(given: string, wanted: string): boolean {
  let difference = given.length ^ wanted.length;
  for (let i = 0; i < wanted.length; i++) difference |= given.charCodeAt(i) ^ wanted.charCodeAt(i);
  return difference === 0;
}
