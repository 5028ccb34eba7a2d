/**
 * Packets as text.
 *
 * Owns: the one notation in which they are written, also where a verdict shows what was expected and what came. Must not
 * know: how a packet is made or compared.
 */
import type {
  IcmpPacket,
  IpAnnotation,
  PacketEvent,
  PortPair,
  QuotedPacket,
  ScriptTcpOption,
  TcpOptionList,
  TcpPacket,
  UdpPacket,
  WrappingHeader,
} from "./values.ts";

/** `> (tos 0x28) S. 0:0(0) ack 1 win 65535 <mss 1460>`, without a time. */
export function printPacket({ direction, ip, wrapping, body }: PacketEvent): string {
  const parts = [direction === "inbound" ? "<" : ">"];
  const isPsp = (header: WrappingHeader) => header.name === "psp";
  for (const header of wrapping) if (!isPsp(header)) parts.push(printHeader(header));
  parts.push(printAnnotation(ip));
  for (const header of wrapping) if (isPsp(header)) parts.push(`encap psp ${header.text}`);
  parts.push(printBody(body));
  return parts.filter((part) => part !== "").join(" ");
}

function printBody(body: PacketEvent["body"]): string {
  switch (body.protocol) {
    case "tcp":
      return printTcp(body);
    case "icmp":
      return printIcmp(body);
    case "udp":
      return printUdp(body);
    case "other":
      return body.text;
  }
}

function printHeader({ name, ip, addresses, text }: WrappingHeader): string {
  if (addresses === null) return `${[name, text].filter((part) => part !== "").join(" ")}:`;
  const parts = [name, printAnnotation(ip), `${addresses.source} > ${addresses.destination}:`];
  return parts.filter((part) => part !== "").join(" ");
}

/** `[ect0]`; empty where nothing is said. */
function printAnnotation({ ecn, tos, dscp, ttl, flowLabel, id }: IpAnnotation): string {
  const fields: string[] = [];
  if (tos !== null) fields.push(`tos ${hex(tos)}`);
  if (dscp !== null) fields.push(`dscp ${hex(dscp)}`);
  if (ecn !== null) fields.push(ecn);
  if (ttl !== null) fields.push(`ttl ${ttl}`);
  if (flowLabel !== null) fields.push(`flowlabel ${hex(flowLabel)}`);
  if (id !== null) fields.push(`id ${id}`);
  return fields.length === 0 ? "" : `[${fields.join(", ")}]`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function printPorts({ source, destination }: PortPair): string {
  return `${source} > ${destination}`;
}

function printUdpWrapping(ports: PortPair | null): string {
  return ports === null ? "" : `/udp(${printPorts(ports)})`;
}

function printTcp(packet: TcpPacket): string {
  const parts: string[] = [];
  if (packet.ports !== null) parts.push(printPorts(packet.ports));
  parts.push(packet.flags, printRange(packet));
  if (packet.ack !== null) parts.push(`ack ${packet.ack}`);
  if (packet.window !== null) parts.push(`win ${packet.window}`);
  if (packet.urgent !== null) parts.push(`urg ${packet.urgent}`);
  if (packet.options.kind !== "unsaid") parts.push(printTcpOptions(packet.options));
  const reason = packet.resetReason;
  if (reason !== null) parts.push(`[code ${reason.code}, pen ${reason.pen}]`);
  return parts.join(" ") + printUdpWrapping(packet.udpPorts);
}

function printRange({ seqForm, seq, endSeq, length }: TcpPacket): string {
  if (seqForm === "any") return `...(${length})`;
  return `${seq}:${endSeq}(${length})${seqForm === "absolute" ? "!" : ""}`;
}

/** `<mss 1460,nop,nop,sackOK>`, `<...>`; empty where nothing is said. */
export function printTcpOptions(list: TcpOptionList): string {
  switch (list.kind) {
    case "unsaid":
      return "";
    case "any":
      return "<...>";
    case "raw":
      return `<${hexDigits(list.bytes)}>`;
    case "list":
      return `<${list.options.map(printTcpOption).join(",")}>`;
  }
}

function printTcpOption({ name, numbers, bytes, text, anyVal, absoluteEcr }: ScriptTcpOption): string {
  if (name === "TS") {
    return `TS val ${anyVal ? "..." : numbers[0]} ecr ${numbers[1]}${absoluteEcr ? "!" : ""}`;
  }
  const parts = [name];
  if (name === "sack") {
    for (let i = 0; i < numbers.length; i += 2) parts.push(`${numbers[i]}:${numbers[i + 1]}`);
  } else if (numbers.length > 0 && text !== "") {
    text.split(" ").forEach((counter, i) => parts.push(counter, `${numbers[i]}`));
  } else {
    parts.push(...numbers.map(String), text);
  }
  if (bytes !== null) parts.push(hexDigits(bytes));
  return parts.filter((part) => part !== "").join(" ");
}

function hexDigits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function printIcmp({ type, code, mtu, id, quoted }: IcmpPacket): string {
  const parts = ["icmp", type];
  if (code !== null) parts.push(code);
  if (mtu !== null) parts.push(`mtu ${mtu}`);
  if (id !== null) parts.push(`id ${id}`);
  if (quoted !== null) parts.push(`[${printQuoted(quoted)}]`);
  return parts.join(" ");
}

function printQuoted({ protocol, seq, endSeq, length, coverage, udpPorts }: QuotedPacket): string {
  const what = protocol === "tcp"
    ? `${seq}:${endSeq}(${length})`
    : `${protocol}(${length}${coverage === null ? "" : `, ${coverage}`})`;
  return what + printUdpWrapping(udpPorts);
}

function printUdp({ ports, length }: UdpPacket): string {
  return `udp ${ports === null ? "" : `${printPorts(ports)} `}(${length})`;
}
