/** The system's code of a failed call (`EACCES`), for messages. */
export function errorCode(thrown: unknown): string {
  return typeof thrown === "object" && thrown !== null && "code" in thrown ? String(thrown.code) : "unknown reason";
}
