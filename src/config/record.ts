/** A map of names that the user chose. Without a prototype, so that no name means anything but itself. */
export function record<T>(entries: Iterable<readonly [string, T]>): Readonly<Record<string, T>> {
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}
