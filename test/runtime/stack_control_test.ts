/** The control socket of a library's stack: gone with the stack, and none where nobody may be asked for a permission. */
import { assertEquals } from "@std/assert";
import { askServer } from "../../src/runtime/control_client.ts";
import { openStackControl } from "../../src/runtime/stack_control.ts";

const answer = (request: string) => request === "snapshot" ? [{ pid: 5 }] : null;

Deno.test("the socket answers as long as its stack lives, however that ends", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "tcplab-test-" });
  try {
    for (const ends of ["closed", "broken"]) {
      const { promise: done, resolve, reject } = Promise.withResolvers<void>();
      const control = await openStackControl({ done }, () => ({ answer, directory }));
      assertEquals(await askServer(control?.path ?? ""), [{ pid: 5 }]);
      if (ends === "closed") resolve();
      else reject(new Error("the device is gone"));
      await done.catch(() => {});
      await undefined;
      assertEquals([...Deno.readDirSync(directory)], []);
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("where there is no place for the socket there is none, and that is no error", async () => {
  const parts = () => ({ answer, directory: "/proc/nothing" });
  assertEquals(await openStackControl({ done: new Promise<void>(() => {}) }, parts), null);
});

const ALL = { read: true, write: true, net: true, ffi: true, env: true, sys: true } as const;

for (const missing of ["read", "write", "net", "ffi", "env", "sys"] as const) {
  Deno.test({
    name: `a program without the permission ${missing} has no socket, and nobody is asked for it`,
    permissions: { ...ALL, [missing]: false },
    async fn() {
      let described = 0;
      const describe = () => {
        described++;
        return { answer, directory: "/tmp" };
      };
      assertEquals(await openStackControl({ done: new Promise<void>(() => {}) }, describe), null);
      assertEquals(described, 0);
    },
  });
}
