/** The ways to new rights are shut in every thread, and what is needed stays open. */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { libc } from "../../ffi/libc.ts";

const MODULE = new URL("../../ffi/process_rights.ts", import.meta.url).href;
const isLinux = Deno.build.os === "linux";
const AF_PACKET = 17;
const SOCK_RAW = 3;
const mayCapture = isLinux && canOpenPacketSocket();

function canOpenPacketSocket(): boolean {
  const fd = libc().socket(AF_PACKET, SOCK_RAW, 0);
  if (fd >= 0) libc().close(fd);
  return fd >= 0;
}

/** Runs code in a fresh process, with the module's names; gives what it prints. */
async function elsewhere(body: string): Promise<string> {
  const code = `const { shutRights, keepDescriptorsToOurselves } = await import(${JSON.stringify(MODULE)});
    const { open, socket, aside } = Deno.dlopen("libc.so.6", {
      open: { parameters: ["buffer", "i32"], result: "i32" },
      socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
      aside: { name: "socket", parameters: ["i32", "i32", "i32"], result: "i32", nonblocking: true },
    }).symbols;
    ${body}`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", "--cached-only", code],
    cwd: fromFileUrl(new URL(".", import.meta.url)),
  }).output();
  return new TextDecoder().decode(stdout.length > 0 ? stdout : stderr).trim();
}

Deno.test({
  name: "rights: no_new_privs in every thread, and none of the calls that serving makes is refused",
  ignore: !isLinux,
  async fn() {
    const out = await elsewhere(`
      const left = shutRights();
      const threads = [...Deno.readDirSync("/proc/self/task")].map(({ name }) =>
        /NoNewPrivs:\\s*(\\d)/.exec(Deno.readTextFileSync("/proc/self/task/" + name + "/status"))[1]);
      const program = new Deno.Command("cat", { args: ["/proc/self/status"] }).outputSync();
      const child = /NoNewPrivs:\\s*(\\d)/.exec(new TextDecoder().decode(program.stdout))[1];
      const [netlink, datagram] = [socket(16, 3, 0), socket(2, 2, 0)];
      console.log(JSON.stringify({ left, threads: [...new Set(threads)], many: threads.length > 2, child,
        open: netlink >= 0 && datagram >= 0 }));`);
    assertEquals(JSON.parse(out), { left: [], threads: ["1"], many: true, child: "1", open: true });
  },
});

Deno.test({
  name: `rights: no thread opens a packet or raw socket any more, not even one that has the capability${
    mayCapture ? "" : " (skipped: no right to capture)"
  }`,
  ignore: !mayCapture,
  async fn() {
    const out = await elsewhere(`
      const kinds = [[17, 3, 0], [17, 2 | 0x80000, 0], [2, 3, 255], [2, 3 | 0x80800, 255]];
      // Helper threads are made when they are first needed, with the rights of then.
      const before = await Promise.all(kinds.map((kind) => aside(...kind)));
      shutRights();
      const here = kinds.map((kind) => socket(...kind));
      const there = await Promise.all(kinds.map((kind) => aside(...kind)));
      console.log(JSON.stringify({ before: before.every((fd) => fd >= 0), here, there }));`);
    const refused = [-1, -1, -1, -1];
    assertEquals(JSON.parse(out), { before: true, here: refused, there: refused });
  },
});

Deno.test({
  name: "rights: a program that is started has none of our descriptors",
  ignore: !isLinux,
  async fn() {
    const out = await elsewhere(`
      const fd = open(new TextEncoder().encode("/dev/null\\0"), 0);
      const list = () => new TextDecoder().decode(
        new Deno.Command("sh", { args: ["-c", "ls /proc/$$/fd | sort -n"] }).outputSync().stdout).split("\\n");
      const before = list();
      keepDescriptorsToOurselves();
      console.log(JSON.stringify([before.includes(String(fd)), list().includes(String(fd))]));`);
    assert(out.startsWith("["), out);
    assertEquals(JSON.parse(out), [true, false]);
  },
});
