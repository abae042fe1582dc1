// Python's date.strftime in the C locale, for dates without a time of day: hours, minutes and seconds are 0.

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const DAY_MS = 86_400_000;
const WEEK = 7;

const two = (number) => String(number).padStart(2, "0");
/** glibc's %e, %k and %l. */
const blank = (number) => String(number).padStart(2, " ");

/** By the letter of the directive; `date` is at midnight, UTC. */
const directives = {
  a: (date) => DAYS[date.getUTCDay()].slice(0, 3),
  A: (date) => DAYS[date.getUTCDay()],
  b: (date) => MONTHS[date.getUTCMonth()].slice(0, 3),
  B: (date) => MONTHS[date.getUTCMonth()],
  c: (date) => strftimeOf(date, "%a %b %e 00:00:00 %Y"),
  C: (date) => two(Math.floor(date.getUTCFullYear() / 100)),
  d: (date) => two(date.getUTCDate()),
  D: (date) => strftimeOf(date, "%m/%d/%y"),
  e: (date) => blank(date.getUTCDate()),
  f: () => "000000",
  F: (date) => strftimeOf(date, "%Y-%m-%d"),
  g: (date) => two(isoWeek(date).year % 100),
  G: (date) => String(isoWeek(date).year),
  h: (date) => directives.b(date),
  H: () => "00",
  I: () => "12",
  j: (date) => String(dayOfYear(date) + 1).padStart(3, "0"),
  k: () => " 0",
  l: () => "12",
  m: (date) => two(date.getUTCMonth() + 1),
  M: () => "00",
  n: () => "\n",
  p: () => "AM",
  P: () => "am",
  r: () => "12:00:00 AM",
  R: () => "00:00",
  S: () => "00",
  t: () => "\t",
  T: () => "00:00:00",
  u: (date) => String(date.getUTCDay() || WEEK),
  U: (date) => two(Math.floor((dayOfYear(date) + WEEK - date.getUTCDay()) / WEEK)),
  V: (date) => two(isoWeek(date).week),
  w: (date) => String(date.getUTCDay()),
  W: (date) => two(Math.floor((dayOfYear(date) + WEEK - ((date.getUTCDay() + WEEK - 1) % WEEK)) / WEEK)),
  x: (date) => directives.D(date),
  X: () => "00:00:00",
  y: (date) => two(date.getUTCFullYear() % 100),
  Y: (date) => String(date.getUTCFullYear()),
  z: () => "",
  Z: () => "",
  "%": () => "%",
};

/** Directives that glibc writes without leading zeros or blanks after "-", as in "%-d". */
const NUMBERS = "CdegHIjklmMSUVWy";

function dayOfYear(date) {
  return (date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS;
}

/** The ISO week: the week of the same Thursday, and that Thursday's year. */
function isoWeek(date) {
  const sinceMonday = (date.getUTCDay() + WEEK - 1) % WEEK;
  const thursday = new Date(date.getTime() + (3 - sinceMonday) * DAY_MS);
  return { year: thursday.getUTCFullYear(), week: Math.floor(dayOfYear(thursday) / WEEK) + 1 };
}

function strftimeOf(date, format) {
  return format.replace(/%(-?)(.?)/gsu, (directive, bare, letter) => {
    const write = Object.hasOwn(directives, letter) ? directives[letter] : undefined;
    if (write === undefined || (bare !== "" && !NUMBERS.includes(letter)))
      throw new Error(`it formats a date with ${JSON.stringify(directive)}, which is not known`);
    return bare === "" ? write(date) : write(date).replace(/^[ 0]+(?=\d)/, "");
  });
}

/** @param date "YYYY-MM-DD" @throws Error naming an unknown directive */
exports.strftime = (date, format) => strftimeOf(new Date(`${date}T00:00:00Z`), format);
