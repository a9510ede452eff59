import type { PriceTable } from "../types.ts";

/** The prices of every vendor the platform knows. */
export const priceTables: readonly PriceTable[] = [];
