/**
 * ICMP in the words of scripts: types and codes of both versions and dialects.
 *
 * Owns: which number a word is. Must not know: packets.
 * RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1, RFC 4443 §3.
 */
interface IcmpType {
  readonly type: number;
  readonly codes: Readonly<Record<string, number>>;
}

const ICMPV4_TYPES: Readonly<Record<string, IcmpType>> = {
  echo_reply: { type: 0, codes: {} },
  unreachable: {
    type: 3,
    codes: {
      net_unreachable: 0,
      host_unreachable: 1,
      protocol_unreachable: 2,
      port_unreachable: 3,
      frag_needed: 4,
      source_route_failed: 5,
      net_unknown: 6,
      host_unknown: 7,
      source_host_isolated: 8,
      net_prohibited: 9,
      host_prohibited: 10,
      net_unreachable_for_tos: 11,
      host_unreachable_for_tos: 12,
      packet_filtered: 13,
      precedence_violation: 14,
      precedence_cutoff: 15,
    },
  },
  source_quench: { type: 4, codes: {} },
  redirect: { type: 5, codes: {} },
  echo_request: { type: 8, codes: {} },
  time_exceeded: { type: 11, codes: { ttl_exceeded_in_transit: 0, frag_reass_exceeded: 1 } },
  parameter_problem: { type: 12, codes: {} },
  timestamp_request: { type: 13, codes: {} },
  timestamp_reply: { type: 14, codes: {} },
  information_request: { type: 15, codes: {} },
  information_reply: { type: 16, codes: {} },
  address_mask_request: { type: 17, codes: {} },
  address_mask_reply: { type: 18, codes: {} },
};

const ICMPV6_TYPES: Readonly<Record<string, IcmpType>> = {
  unreachable: {
    type: 1,
    codes: {
      // As in google's table, which gives the word of IPv4 too.
      net_unreachable: 0,
      no_route: 0,
      admin_prohibited: 1,
      not_neighbour: 2,
      address_unreachable: 3,
      port_unreachable: 4,
    },
  },
  packet_too_big: { type: 2, codes: {} },
  time_exceeded: { type: 3, codes: { exceeded_hop_limit: 0, exceeded_frag_time: 1 } },
  parameter_problem: { type: 4, codes: { header_field: 0, unknown_next_header: 1, unknown_option: 2 } },
  echo_request: { type: 128, codes: {} },
  echo_reply: { type: 129, codes: {} },
  router_advertisement: { type: 134, codes: {} },
};

/** Type and code of ICMP for addresses of so many octets; null where a word is unknown. No code is code 0. */
export function icmpNumbers(
  words: { readonly type: string; readonly code: string | null },
  addressBytes: number,
): { readonly type: number; readonly code: number } | null {
  const known = (addressBytes === 4 ? ICMPV4_TYPES : ICMPV6_TYPES)[words.type];
  const type = known?.type ?? numberBehind("type_", words.type);
  if (type === null) return null;
  if (words.code === null) return { type, code: 0 };
  const code = known?.codes[words.code] ?? numberBehind("code_", words.code);
  return code === null ? null : { type, code };
}

/** The words of a type and code; numbers where there is no word. */
export function icmpWords(
  numbers: { readonly type: number; readonly code: number },
  addressBytes: number,
): { readonly type: string; readonly code: string | null } {
  const table = addressBytes === 4 ? ICMPV4_TYPES : ICMPV6_TYPES;
  for (const [type, known] of Object.entries(table)) {
    if (known.type !== numbers.type) continue;
    const codes = Object.entries(known.codes).filter(([, code]) => code === numbers.code);
    if (codes.length > 0) return { type, code: codes[codes.length - 1][0] };
    return { type, code: numbers.code === 0 ? null : `code_${numbers.code}` };
  }
  return { type: `type_${numbers.type}`, code: `code_${numbers.code}` };
}

/** `type_3` in the notation of tcpdump. */
function numberBehind(prefix: string, word: string): number | null {
  if (!word.startsWith(prefix) || !/^\d{1,3}$/.test(word.slice(prefix.length))) return null;
  const number = Number(word.slice(prefix.length));
  return number <= 0xff ? number : null;
}
