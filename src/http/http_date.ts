/**
 * Dates of fields (RFC 9110 §5.6.7).
 *
 * Owns: the three forms, and no other. Must not know: what a date is for. A parser of everything that looks like a date would
 * take `1` for one, and read the form without a zone in the zone of this machine.
 */

const MONTHS: readonly string[] = [
  "Jan",
  "Feb",
  "Mar",
  "Apr",
  "May",
  "Jun",
  "Jul",
  "Aug",
  "Sep",
  "Oct",
  "Nov",
  "Dec",
];
const MONTH = `(?<month>${MONTHS.join("|")})`;
const SHORT_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const LONG_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day";
const TIME = "(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)";
/** In the order of §5.6.7: IMF-fixdate, then what old programs send: that of RFC 850, and of C's asctime(). All are UTC. */
const FORMS: readonly RegExp[] = [
  new RegExp(`^${SHORT_DAY}, (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(`^${LONG_DAY}, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`),
  new RegExp(`^${SHORT_DAY} ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`),
];
/** §5.6.7: a year of two digits that seems to be further in the future is one of the past. */
const MOST_YEARS_AHEAD = 50;

/** Seconds since 1970; null for what is no date. `thisYear` is for years of two digits. */
export function parseHttpDate(text: string, thisYear: number): number | null {
  for (const form of FORMS) {
    const parts = form.exec(text)?.groups;
    if (parts === undefined) continue;
    const [day, hour, minute, second] = [parts.day, parts.hour, parts.minute, parts.second].map(Number);
    const month = MONTHS.indexOf(parts.month);
    const ms = Date.UTC(fullYear(parts.year, thisYear), month, day, hour, minute, second);
    // The 31st of June is no day. A leap second is the next minute's first.
    return new Date(ms - second * 1000).getUTCDate() === day ? ms / 1000 : null;
  }
  return null;
}

function fullYear(digits: string, thisYear: number): number {
  if (digits.length === 4) return Number(digits);
  const year = thisYear - thisYear % 100 + Number(digits);
  return year > thisYear + MOST_YEARS_AHEAD ? year - 100 : year;
}
