/**
 * What the changed line imports: two stacks on a link in memory, of which one listens and the other connects. On a device it would
 * be `listen` of mod.ts with `device` and `ip`.
 */
import { createStack, memoryPair } from "../../../mod.ts";

/** Where the server is. */
export const SERVER = "10.0.0.1";

const [near, far] = memoryPair();
const server = createStack({ link: near, addresses: `${SERVER}/24` });
const client = createStack({ link: far, addresses: "10.0.0.2/24" });

/** In place of `Deno.listen`. */
export const listen = server.listen.bind(server);

/** In place of `Deno.connect`. */
export const connect = client.connect.bind(client);
