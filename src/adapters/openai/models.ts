export type { Quirks } from "./quirks.ts";
