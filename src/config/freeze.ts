/** Freezes a value and everything in it, and gives it back. Maps throw on change from then on. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Map) {
    const refusal = {
      value: (): never => {
        throw new TypeError("this map is frozen");
      },
    };
    Object.defineProperties(value, { set: refusal, delete: refusal, clear: refusal });
    for (const entry of value.values()) deepFreeze(entry);
  }
  Object.freeze(value);
  for (const child of Object.values(value)) deepFreeze(child);
  return value;
}
