/** The machine as it is by itself, for tests that are about no profile. */
import type { Profile } from "../../src/tcp/profile.ts";

export const PLAIN_PROFILE: Profile = {
  name: "rfc",
  tcp: {},
  ip: { ttl: 64 },
  sockets: {
    receiveBufferBytes: 65536,
    sendBufferBytes: 65536,
    mostBufferBytes: 65536,
    doublesBuffers: false,
    fastOpenClient: false,
    fastOpenServer: false,
    fastOpenClientWithoutCookie: false,
    fastOpenServerWithoutCookie: false,
    fastOpenEveryListener: false,
    fastOpenKeys: [],
    fastOpenBlackholeSeconds: 0,
    notSentLowBytes: Infinity,
  },
};
