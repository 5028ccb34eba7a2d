/**
 * Reads a pcapng file for tests, by a walk over its blocks that shares nothing with the writer, and by tshark.
 */

/** One block, its options by code, in order. */
interface ReadBlock {
  readonly type: number;
  readonly body: DataView;
  readonly options: readonly { readonly code: number; readonly value: Uint8Array }[];
}

/** Where the options begin in a block's body. */
function optionsOffset(type: number, body: DataView): number {
  switch (type) {
    case 0x0a0d0d0a:
      return 16;
    case 1:
      return 8;
    case 5:
      return 12;
    default:
      return 20 + ((body.getUint32(12, true) + 3) & ~3);
  }
}

/** All blocks of a file; throws where lengths do not fit together. */
export function readBlocks(file: Uint8Array): ReadBlock[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const blocks: ReadBlock[] = [];
  for (let at = 0; at < file.length;) {
    const type = view.getUint32(at, true);
    const total = view.getUint32(at + 4, true);
    if (total % 4 !== 0 || view.getUint32(at + total - 4, true) !== total) {
      throw new Error(`Bad length at ${at}`);
    }
    const body = new DataView(file.buffer, file.byteOffset + at + 8, total - 12);
    const options: { code: number; value: Uint8Array }[] = [];
    for (let o = optionsOffset(type, body); o < body.byteLength;) {
      const code = body.getUint16(o, true);
      const length = body.getUint16(o + 2, true);
      if (code === 0) {
        if (o + 4 !== body.byteLength) throw new Error(`Bytes after the end of options at ${at}`);
        break;
      }
      options.push({ code, value: new Uint8Array(body.buffer, body.byteOffset + o + 4, length) });
      o += 4 + ((length + 3) & ~3);
    }
    blocks.push({ type, body, options });
    at += total;
  }
  return blocks;
}

/** A packet of a file. */
interface ReadPacket {
  readonly direction: "in" | "out";
  readonly timestampUs: number;
  readonly frame: Uint8Array;
  readonly originalLength: number;
  readonly comments: readonly string[];
}

/** The packets of a file. */
export function readPackets(file: Uint8Array): ReadPacket[] {
  return readBlocks(file).filter(({ type }) => type === 6).map(({ body, options }) => {
    const flags = options.find(({ code }) => code === 2)?.value[0];
    return {
      direction: flags === 1 ? "in" : "out",
      timestampUs: body.getUint32(4, true) * 2 ** 32 + body.getUint32(8, true),
      frame: new Uint8Array(body.buffer, body.byteOffset + 20, body.getUint32(12, true)),
      originalLength: body.getUint32(16, true),
      comments: commentsIn(options),
    };
  });
}

/** The comments among a block's options. */
export function commentsIn(options: ReadBlock["options"]): string[] {
  return options.filter(({ code }) => code === 1).map(({ value }) => new TextDecoder().decode(value));
}

/** True where tshark can be run. */
export const HAS_TSHARK: boolean = (() => {
  try {
    return new Deno.Command("tshark", { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
})();

/** What tshark says of the file's frames: a row each, the fields asked for; an absent one is empty. */
export async function tsharkFields(file: Uint8Array, fields: readonly string[]): Promise<string[][]> {
  const path = await Deno.makeTempFile({ suffix: ".pcapng" });
  try {
    await Deno.writeFile(path, file);
    const { stdout, stderr, success } = await new Deno.Command("tshark", {
      args: ["-n", "-r", path, "-o", "tcp.check_checksum:TRUE", "-T", "fields", "-E", "separator=/t"]
        .concat(fields.flatMap((field) => ["-e", field])),
      stdin: "null",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).replace(/\n$/, "").split("\n").map((line) => line.split("\t"));
  } finally {
    await Deno.remove(path);
  }
}
