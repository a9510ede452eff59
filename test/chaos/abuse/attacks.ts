import type { Attack } from "./attack.ts";
import { bodyAttacks } from "./bodies.ts";
import { frameAttacks } from "./frames.ts";
import { socketAttacks } from "./sockets.ts";

/** Every attack, in the order in which they are made. */
export const attacks: readonly Attack[] = [...frameAttacks, ...socketAttacks, ...bodyAttacks];
