/**
 * The time column of the text log, in the forms of `--time` (those of tcpdump's -t to -ttttt).
 *
 * Owns: how a moment is written, and from what it is counted. Must not know: where the column stands, which zone it is
 * (an argument).
 */
import { wallClock } from "./text_layout.ts";

/** The forms, by the number of `t` that tcpdump has for them; `clock` is what it does without. */
export const TIME_FORMS = ["clock", "none", "epoch", "delta", "date", "relative"] as const;

/** How moments are written. */
export type TimeForm = typeof TIME_FORMS[number];

/** Writes the moments of a log, one after another. */
export interface TimeColumn {
  /** Characters; 0 where there is no column. */
  readonly width: number;
  /** The text for a line of that time, seconds since 1970. */
  text(seconds: number): string;
}

/** A column for a log that begins now. `utcOffsetMinutes`: of the wall clock, east of UTC. */
export function timeColumn(form: TimeForm, utcOffsetMinutes: number): TimeColumn {
  switch (form) {
    case "clock":
      return { width: 15, text: clockText(utcOffsetMinutes) };
    case "none":
      return { width: 0, text: () => "" };
    case "epoch":
      return { width: 17, text: (seconds) => seconds.toFixed(6) };
    case "date":
      return { width: 26, text: (seconds) => dateText(seconds, utcOffsetMinutes) };
    case "delta":
    case "relative": {
      // The first line is the origin, so that it shows 0.
      let origin: number | null = null;
      const text = (seconds: number) => {
        const since = seconds - (origin ?? seconds);
        if (form === "delta" || origin === null) origin = seconds;
        return spanText(since);
      };
      return { width: 15, text };
    }
  }
}

/** The time of day: that of the second is made once for all that happens in it. */
function clockText(utcOffsetMinutes: number): (seconds: number) => string {
  let second = NaN;
  let ofSecond = "";
  return (seconds) => {
    const us = Math.round(seconds * 1e6);
    const whole = Math.floor(us / 1e6);
    if (whole !== second) {
      second = whole;
      ofSecond = wallClock(whole, utcOffsetMinutes).slice(0, -6);
    }
    // A million more, so that leading zeros are there, and the one before them is cut off.
    return ofSecond + String(us - whole * 1e6 + 1e6).slice(1);
  };
}

/** A span as `HH:MM:SS.micro`, hours as many as there are; a clock that was set back leaves a sign. */
function spanText(seconds: number): string {
  const us = Math.abs(Math.round(seconds * 1e6));
  const hours = Math.floor(us / 3600e6);
  const sign = seconds < 0 ? "-" : "";
  return sign + String(hours).padStart(2, "0") + wallClock((us % 3600e6) / 1e6, 0).slice(2);
}

function dateText(seconds: number, utcOffsetMinutes: number): string {
  const day = new Date(
    Math.floor((Math.round(seconds * 1e6) / 1e6 + utcOffsetMinutes * 60) / 86400) * 86400e3,
  );
  return `${day.toISOString().slice(0, 10)} ${wallClock(seconds, utcOffsetMinutes)}`;
}
