/**
 * A table of nftables that belongs to this process, through libnftables, which is what `nft` itself is made of.
 *
 * Owns: opening the library, running commands, and the netlink socket that a table with `flags owner` hangs on: the
 * kernel removes such a table when that socket closes, however the process ends, and lets nobody else change it.
 * Must not know: what the rules are for.
 */

import { cString, readCString } from "./native_memory.ts";

const NFTABLES_SYMBOLS = {
  // struct nft_ctx *nft_ctx_new(uint32_t flags);
  nft_ctx_new: { parameters: ["u32"], result: "pointer" },
  // void nft_ctx_free(struct nft_ctx *ctx);
  nft_ctx_free: { parameters: ["pointer"], result: "void" },
  // int nft_ctx_buffer_output(struct nft_ctx *ctx);
  nft_ctx_buffer_output: { parameters: ["pointer"], result: "i32" },
  // const char *nft_ctx_get_output_buffer(struct nft_ctx *ctx);
  nft_ctx_get_output_buffer: { parameters: ["pointer"], result: "pointer" },
  // int nft_ctx_buffer_error(struct nft_ctx *ctx);
  nft_ctx_buffer_error: { parameters: ["pointer"], result: "i32" },
  // const char *nft_ctx_get_error_buffer(struct nft_ctx *ctx);
  nft_ctx_get_error_buffer: { parameters: ["pointer"], result: "pointer" },
  // int nft_run_cmd_from_buffer(struct nft_ctx *nft, const char *buf);
  nft_run_cmd_from_buffer: { parameters: ["pointer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type NftablesSymbols = Deno.DynamicLibrary<typeof NFTABLES_SYMBOLS>["symbols"];

/** Result of running commands of nft's language. */
export interface NftResult {
  readonly ok: boolean;
  readonly out: string;
  /** The first line of what nft complains of; empty when it does not. */
  readonly error: string;
}

/** One connection to the kernel's nftables; tables that it has made with `flags owner` go when it is closed. */
export interface NftSession {
  run(commands: string): NftResult;
  close(): void;
}

/** What a context is made with: the defaults of nft (NFT_CTX_DEFAULT). */
const DEFAULT_FLAGS = 0;

/** Opens a session; null where the library is not installed. */
export function openNftSession(): NftSession | null {
  const symbols = openLibrary();
  if (symbols === null) return null;
  const context = symbols.nft_ctx_new(DEFAULT_FLAGS);
  if (context === null) return null;
  symbols.nft_ctx_buffer_output(context);
  symbols.nft_ctx_buffer_error(context);
  let open = true;
  return {
    run: (commands) => {
      if (!open) throw new TypeError("The nftables session is closed");
      const status = symbols.nft_run_cmd_from_buffer(context, cString(commands));
      const [complaint] = (readCString(symbols.nft_ctx_get_error_buffer(context)) ?? "").split("\n");
      return {
        ok: status === 0,
        out: readCString(symbols.nft_ctx_get_output_buffer(context)) ?? "",
        // nft puts the place in front of its complaint: `/dev/stdin:1:1-8: Error: `.
        error: complaint.replace(/^(\S+:\d+:\d+(-\d+)?: )?(Error: )?/, "").trim(),
      };
    },
    close: () => {
      if (!open) return;
      open = false;
      symbols.nft_ctx_free(context);
    },
  };
}

function openLibrary(): NftablesSymbols | null {
  if (Deno.build.os !== "linux") return null;
  for (const name of ["libnftables.so.1", "libnftables.so"]) {
    try {
      return Deno.dlopen(name, NFTABLES_SYMBOLS).symbols;
    } catch {
      // not under this name
    }
  }
  return null;
}
