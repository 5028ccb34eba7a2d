/**
 * What a command at work says of its device, as a line and as an event.
 *
 * Owns: putting the watch together. Must not know: what is watched for (carrier_watch.ts).
 */
import { deviceState } from "../../ffi/device_hardware.ts";
import type { HostAtWork } from "../host/api.ts";
import type { FrameLink } from "../link/link.ts";
import type { Clock } from "../runtime/clock.ts";
import { CarrierWatch } from "./carrier_watch.ts";

/** Who watches what. */
interface DeviceNotices {
  readonly link: FrameLink;
  readonly clock: Clock;
  readonly host: HostAtWork;
  /** Takes notices for a person, a line each. */
  readonly notice: (line: string) => void;
  /** Where no frames come, nobody else writes the log out. */
  readonly flush: () => void;
}

/** Tells of a carrier that is lost or there again, until what it returns is disposed of. */
export function watchCarrier({ link, clock, host, notice, flush }: DeviceNotices): CarrierWatch {
  return new CarrierWatch({
    device: link.name,
    look: deviceState,
    clock,
    tell: (kind, message) => {
      host.setNow(clock.nowUs());
      host.emit({ event: "notice", time: (clock.epochUs + clock.nowUs()) / 1e6, kind, message });
      notice(message);
      flush();
    },
  });
}
