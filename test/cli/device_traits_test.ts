/** What is said of devices that do not carry every frame, on given facts: most machines have no such device. */
import { assertEquals } from "@std/assert";
import {
  type DeviceFacts,
  type DeviceUse,
  judgeTraits,
  macvlanModeIn,
  readDeviceFacts,
} from "../../src/cli/device_traits.ts";

const PLAIN: DeviceFacts = {
  device: "eth0",
  isWireless: false,
  driver: "e1000",
  macvlanMode: null,
  forwards: false,
  redirects: false,
};
const OURS: DeviceUse = { usesOwnMac: false, foreignAddresses: ["10.0.0.9"] };
const DEVICES: DeviceUse = { usesOwnMac: true, foreignAddresses: ["10.0.0.9"] };
/** The kernel owns the address: then the hardware address is the device's, too. */
const KERNELS: DeviceUse = { usesOwnMac: true, foreignAddresses: [] };

const TABLE: readonly (readonly [string, Partial<DeviceFacts>, DeviceUse, readonly string[]])[] = [
  ["an ordinary device", {}, OURS, []],
  ["the same with --mac device", {}, DEVICES, []],
  ["a device of which nothing is known", { driver: null }, OURS, []],
  ["a forwarding host, with a hardware address of our own", { forwards: true, redirects: true }, OURS, []],
  ["a forwarding host and the kernel's own address", { forwards: true, redirects: true }, KERNELS, []],
  ["a forwarding host with --mac device", { forwards: true, redirects: true }, DEVICES, [
    'with --mac device this host\'s kernel takes packets for 10.0.0.9 too, and as it forwards, it answers clients with ICMP redirects and later "host unreachable" -> leave --mac device out, or sudo sysctl -w net.ipv4.conf.eth0.forwarding=0',
  ]],
  [
    "a forwarding host that sends no redirects, with --mac device on a VLAN's device",
    { device: "eth0.7", forwards: true },
    DEVICES,
    [
      'with --mac device this host\'s kernel takes packets for 10.0.0.9 too, and as it forwards, it answers clients with ICMP "host unreachable" -> leave --mac device out, or sudo sysctl -w net.ipv4.conf.eth0/7.forwarding=0',
    ],
  ],
  ["wireless", { isWireless: true, driver: "iwlwifi" }, OURS, [
    "a wireless device, whose access point drops frames of other hardware addresses -> add --mac device",
  ]],
  ["wireless with --mac device", { isWireless: true, driver: "iwlwifi" }, DEVICES, []],
  ...["bridge", "private", "vepa", "source"].map((macvlanMode) =>
    [`a macvlan in mode ${macvlanMode}`, { driver: "macvlan", macvlanMode }, OURS, [
      `a macvlan device, which (in mode ${macvlanMode}) hands up broadcasts and frames for its own hardware address only -> add --mac device, or make it with ip link add link LOWER name eth0 type macvlan mode passthru`,
    ]] as const
  ),
  ["a macvlan whose mode is not known", { driver: "macvlan" }, OURS, [
    "a macvlan device, which (unless its mode is passthru) hands up broadcasts and frames for its own hardware address only -> add --mac device, or make it with ip link add link LOWER name eth0 type macvlan mode passthru",
  ]],
  ["a macvlan in mode passthru", { driver: "macvlan", macvlanMode: "passthru" }, OURS, []],
  ["a macvlan with --mac device", { driver: "macvlan", macvlanMode: "bridge" }, DEVICES, []],
  ["an ipvlan", { driver: "ipvlan" }, DEVICES, [
    "an ipvlan device, which hands up only packets for addresses that the kernel has on it -> use its lower device or a macvlan, or serve its own address with --rst-guard nft",
  ]],
  ["an ipvlan and the kernel's own address", { driver: "ipvlan" }, KERNELS, []],
  ["Hyper-V", { driver: "hv_netvsc" }, OURS, [
    "a device of Hyper-V, which drops frames of other hardware addresses -> switch on MAC address spoofing for the virtual machine, or add --mac device",
  ]],
  ["Hyper-V with --mac device", { driver: "hv_netvsc" }, DEVICES, []],
  ["a driver with the name of something that every object has", { driver: "constructor" }, OURS, []],
];

for (const [name, facts, use, expected] of TABLE) {
  Deno.test(`device traits: ${name}: ${expected.length === 0 ? "nothing to say" : "told, with how to mend it"}`, () => {
    const said = judgeTraits({ ...PLAIN, ...facts }, use).map(({ text, remedy }) => `${text} -> ${remedy}`);
    assertEquals(said, expected);
  });
}

Deno.test("the mode of a macvlan stands in what ip says of the link", () => {
  const listing = (kind: string, data: string) =>
    `[{"ifindex":3,"link":"eth0","ifname":"m0","flags":["UP"],"mtu":1500,"linkinfo":{"info_kind":"${kind}","info_data":${data}},"mode":"none"}]`;
  assertEquals(macvlanModeIn(listing("macvlan", '{"mode":"bridge","bcqueuelen":1000}')), "bridge");
  assertEquals(macvlanModeIn(listing("macvtap", '{ "mode": "passthru" }')), "passthru");
  assertEquals(macvlanModeIn(listing("bond", '{"mode":"active-backup"}')), null);
  assertEquals(macvlanModeIn(""), null);
});

Deno.test("a device that is not there has no facts, and raises no alarm", async () => {
  const facts = await readDeviceFacts({ name: "nonesuch0", isWireless: false }, { usesOwnMac: true });
  const { driver, macvlanMode, forwards } = facts;
  assertEquals([driver, macvlanMode, forwards], [null, null, false]);
});
