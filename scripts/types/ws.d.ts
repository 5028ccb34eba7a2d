/** Types of what the tests use of the package ws, which has none of its own. */
import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Buffer } from "node:buffer";

export class WebSocket extends EventEmitter {
  constructor(address: string, options?: { readonly createConnection?: () => Duplex });
  send(data: string | Uint8Array, options?: { readonly binary?: boolean }): void;
  close(code?: number): void;
  on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): this;
  on(event: "open", listener: () => void): this;
  on(event: "close", listener: (code: number) => void): this;
  on(event: "error", listener: (error: Error) => void): this;
}

export class WebSocketServer extends EventEmitter {
  constructor(options: { readonly noServer: true });
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    callback: (socket: WebSocket) => void,
  ): void;
}
