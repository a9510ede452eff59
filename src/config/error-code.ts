/** Why a call failed in one word or few (`EACCES`, the system's code), for messages. */
export function errorCode(thrown: unknown): string {
  return typeof thrown === "object" && thrown !== null && "code" in thrown ? String(thrown.code) : "unknown reason";
}
