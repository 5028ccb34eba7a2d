/**
 * The functions of libpcap that tcplab calls, with the C prototype beside each.
 *
 * Owns: names and native types. Must not know: when or why they are called, or where the library is.
 *
 * On the path of a frame (`pcap_next_ex`, `pcap_sendpacket`) only `pointer`, `buffer` and `i32` appear:
 * such a call costs about 20 ns plus the function itself, while a `usize` argument costs up to 90 ns more. That is
 * why frames leave through `pcap_sendpacket`, whose length is an `int`, and not through `pcap_inject`, whose
 * length is a `size_t`; inside libpcap both are the same call.
 *
 * `optional` marks what a library of some platform or age lacks; its value is then null.
 */

/** libpcap's symbol table for `Deno.dlopen`; source: pcap(3PCAP) and <pcap/pcap.h> of 1.10. */
export const PCAP_SYMBOLS = {
  // --- the library -------------------------------------------------------------------------------
  // const char *pcap_lib_version(void);
  pcap_lib_version: { parameters: [], result: "pointer" },
  // const char *pcap_statustostr(int error);
  pcap_statustostr: { parameters: ["i32"], result: "pointer" },
  // char *pcap_geterr(pcap_t *p);
  pcap_geterr: { parameters: ["pointer"], result: "pointer" },

  // --- devices -----------------------------------------------------------------------------------
  // int pcap_findalldevs(pcap_if_t **alldevsp, char *errbuf);
  pcap_findalldevs: { parameters: ["buffer", "buffer"], result: "i32" },
  // void pcap_freealldevs(pcap_if_t *alldevs);
  pcap_freealldevs: { parameters: ["pointer"], result: "void" },

  // --- opening -----------------------------------------------------------------------------------
  // pcap_t *pcap_open_live(const char *device, int snaplen, int promisc, int to_ms, char *errbuf);
  pcap_open_live: { parameters: ["buffer", "i32", "i32", "i32", "buffer"], result: "pointer" },
  // pcap_t *pcap_create(const char *source, char *errbuf);
  pcap_create: { parameters: ["buffer", "buffer"], result: "pointer" },
  // int pcap_set_snaplen(pcap_t *p, int snaplen);
  pcap_set_snaplen: { parameters: ["pointer", "i32"], result: "i32" },
  // int pcap_set_promisc(pcap_t *p, int promisc);
  pcap_set_promisc: { parameters: ["pointer", "i32"], result: "i32" },
  // int pcap_set_timeout(pcap_t *p, int to_ms);
  pcap_set_timeout: { parameters: ["pointer", "i32"], result: "i32" },
  // int pcap_set_immediate_mode(pcap_t *p, int immediate_mode);
  pcap_set_immediate_mode: { parameters: ["pointer", "i32"], result: "i32" },
  // int pcap_set_buffer_size(pcap_t *p, int buffer_size);
  pcap_set_buffer_size: { parameters: ["pointer", "i32"], result: "i32" },
  // int pcap_activate(pcap_t *p);
  pcap_activate: { parameters: ["pointer"], result: "i32" },
  // The same on a helper thread: the kernel takes 20 to 40 ms to make a ring of 64 MiB.
  pcap_activate_aside: { name: "pcap_activate", parameters: ["pointer"], result: "i32", nonblocking: true },
  // pcap_t *pcap_open_offline(const char *fname, char *errbuf);
  pcap_open_offline: { parameters: ["buffer", "buffer"], result: "pointer" },
  // pcap_t *pcap_open_dead(int linktype, int snaplen);
  pcap_open_dead: { parameters: ["i32", "i32"], result: "pointer" },
  // void pcap_close(pcap_t *p);
  pcap_close: { parameters: ["pointer"], result: "void" },

  // --- the open handle ---------------------------------------------------------------------------
  // int pcap_datalink(pcap_t *p);
  pcap_datalink: { parameters: ["pointer"], result: "i32" },
  // const char *pcap_datalink_val_to_name(int dlt);
  pcap_datalink_val_to_name: { parameters: ["i32"], result: "pointer" },
  // int pcap_snapshot(pcap_t *p);
  pcap_snapshot: { parameters: ["pointer"], result: "i32" },
  // int pcap_setnonblock(pcap_t *p, int nonblock, char *errbuf);
  pcap_setnonblock: { parameters: ["pointer", "i32", "buffer"], result: "i32" },
  // int pcap_setdirection(pcap_t *p, pcap_direction_t d);
  pcap_setdirection: { parameters: ["pointer", "i32"], result: "i32" },
  // int pcap_get_selectable_fd(pcap_t *p);          (Unix)
  pcap_get_selectable_fd: { parameters: ["pointer"], result: "i32", optional: true },
  // const struct timeval *pcap_get_required_select_timeout(pcap_t *p);          (Unix, libpcap 1.9)
  pcap_get_required_select_timeout: { parameters: ["pointer"], result: "pointer", optional: true },
  // int pcap_stats(pcap_t *p, struct pcap_stat *ps);
  pcap_stats: { parameters: ["pointer", "buffer"], result: "i32" },

  // --- filters -----------------------------------------------------------------------------------
  // int pcap_compile(pcap_t *p, struct bpf_program *fp, const char *str, int optimize, bpf_u_int32 netmask);
  pcap_compile: { parameters: ["pointer", "buffer", "buffer", "i32", "u32"], result: "i32" },
  // int pcap_setfilter(pcap_t *p, struct bpf_program *fp);
  pcap_setfilter: { parameters: ["pointer", "buffer"], result: "i32" },
  // void pcap_freecode(struct bpf_program *fp);
  pcap_freecode: { parameters: ["buffer"], result: "void" },

  // --- frames ------------------------------------------------------------------------------------
  // int pcap_next_ex(pcap_t *p, struct pcap_pkthdr **pkt_header, const u_char **pkt_data);
  pcap_next_ex: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  // int pcap_sendpacket(pcap_t *p, const u_char *buf, int size);
  pcap_sendpacket: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** libpcap's functions as callable values. */
export type PcapSymbols = Deno.DynamicLibrary<typeof PCAP_SYMBOLS>["symbols"];

/** Bytes of the error buffer that libpcap wants: `PCAP_ERRBUF_SIZE`. */
export const PCAP_ERRBUF_BYTES = 256;

/** `DLT_EN10MB`: Ethernet, the only link type that tcplab speaks. */
export const LINKTYPE_ETHERNET = 1;

/** `PCAP_NETMASK_UNKNOWN`: tells the filter compiler that no IPv4 broadcast test is wanted. */
export const NETMASK_UNKNOWN = 0xffffffff;

/** `PCAP_D_IN` of `pcap_direction_t`: only what arrives. */
export const DIRECTION_IN = 1;

/** libpcap's `MAXIMUM_SNAPLEN`: no frame is longer, not even one that the kernel merged. */
export const MAXIMUM_SNAPLEN_BYTES = 262144;
