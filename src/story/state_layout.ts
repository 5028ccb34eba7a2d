/**
 * Where everything lies in the state diagram, laid out by hand as in RFC 9293 Figure 5.
 *
 * Owns: the places of states and arrows, and where labels find room. Must not know: how they look (on paper
 * observe/transition_svg.ts, alive in src/page), what the rows say.
 */
import type { TcpState } from "../tcp/state.ts";
import type { TransitionId } from "../tcp/transitions.ts";

/** The size of the whole, in the units of all else here. */
export const DIAGRAM_PAGE = { width: 1180, height: 1070 } as const;
/** The size of a state's box. */
export const STATE_BOX = { width: 150, height: 46 } as const;

/** Middle of each state's box; CLOSED is there twice, at the top and as the end, as in the figure. */
export const STATE_PLACES: Readonly<Record<TcpState | "END", readonly [number, number]>> = {
  CLOSED: [590, 90],
  LISTEN: [590, 230],
  SYN_RCVD: [190, 390],
  SYN_SENT: [990, 390],
  ESTABLISHED: [590, 530],
  FIN_WAIT_1: [190, 680],
  CLOSE_WAIT: [990, 680],
  FIN_WAIT_2: [190, 840],
  CLOSING: [590, 840],
  LAST_ACK: [990, 840],
  TIME_WAIT: [590, 970],
  END: [990, 970],
};

/** An arrow: the rows that share it, its path, and where its label's first line stands. */
export interface DiagramArrow {
  readonly rows: readonly TransitionId[];
  readonly path: string;
  readonly label: { readonly x: number; readonly y: number; readonly anchor: "start" | "middle" | "end" };
  /** Sets the label in one line: where there is width and no height. */
  readonly oneLine?: boolean;
}

/** The arrows; rows that end a connection before its time have none, since they would hide all else. */
export const ARROWS: readonly DiagramArrow[] = [
  { rows: ["open.passive"], path: "M570 113V203", label: { x: 558, y: 163, anchor: "end" } },
  { rows: ["listen.close"], path: "M610 207V117", label: { x: 622, y: 163, anchor: "start" } },
  {
    rows: ["open.active"],
    path: "M665 80C880 80 1012 170 1012 363",
    label: { x: 970, y: 150, anchor: "start" },
  },
  {
    rows: ["syn-sent.close", "syn-sent.rst", "syn-sent.timeout"],
    path: "M968 367C968 210 860 102 669 100",
    label: { x: 876, y: 236, anchor: "end" },
  },
  {
    rows: ["listen.syn"],
    path: "M515 240C420 250 290 290 238 363",
    label: { x: 372, y: 310, anchor: "start" },
  },
  {
    rows: ["syn-rcvd.rst.passive", "syn-rcvd.syn"],
    path: "M176 367C190 270 340 224 511 222",
    label: { x: 24, y: 222, anchor: "start" },
  },
  {
    rows: ["syn-sent.syn"],
    path: "M915 390H269",
    label: { x: 590, y: 380, anchor: "middle" },
    oneLine: true,
  },
  {
    rows: ["syn-rcvd.ack"],
    path: "M236 413C290 480 400 518 511 520",
    label: { x: 372, y: 478, anchor: "start" },
  },
  {
    rows: ["syn-sent.syn-ack"],
    path: "M944 413C890 480 780 518 669 520",
    label: { x: 808, y: 462, anchor: "end" },
  },
  { rows: ["syn-rcvd.close"], path: "M176 413V653", label: { x: 164, y: 526, anchor: "end" } },
  {
    rows: ["established.close"],
    path: "M515 540C400 546 290 580 238 653",
    label: { x: 372, y: 596, anchor: "start" },
  },
  {
    rows: ["established.fin"],
    path: "M665 540C780 546 890 580 942 653",
    label: { x: 808, y: 596, anchor: "end" },
  },
  { rows: ["fin-wait-1.ack"], path: "M190 703V813", label: { x: 202, y: 764, anchor: "start" } },
  {
    rows: ["fin-wait-1.fin"],
    path: "M265 688C450 690 584 730 590 813",
    label: { x: 528, y: 694, anchor: "start" },
  },
  { rows: ["close-wait.close"], path: "M990 703V813", label: { x: 978, y: 756, anchor: "end" } },
  {
    rows: ["fin-wait-2.fin"],
    path: "M190 863C200 940 340 968 511 970",
    label: { x: 290, y: 914, anchor: "start" },
  },
  { rows: ["closing.ack"], path: "M590 863V943", label: { x: 602, y: 908, anchor: "start" } },
  { rows: ["last-ack.ack"], path: "M990 863V943", label: { x: 978, y: 908, anchor: "end" } },
  { rows: ["time-wait.timeout"], path: "M665 970H911", label: { x: 790, y: 960, anchor: "middle" } },
];
