/**
 * False for a day, or a time as RFC 3339 writes it, that no calendar has: `Date` takes 30 February for 2 March, and the 24th hour for the next
 * day. What does not begin like either is for others to refuse: true.
 */
export function isInCalendar(text: string): boolean {
  const [, day, hour] = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}))?/i.exec(text) ?? [];
  if (day === undefined) return true;
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day) && hour !== "24";
}
