import type { ProviderSettings, SettingsProblem } from "../adapter.ts";

/** Who may stand behind an instance: Anthropic, or anybody else who speaks its wire. */
const VENDORS: readonly unknown[] = ["anthropic", "compatible"];

/** Who serves and bills an instance: as configured (`quirks.vendor`), else Anthropic where the base URL is its own, else `compatible`. */
export function vendorOfSettings({ quirks, baseUrl }: ProviderSettings): string {
  if (typeof quirks.vendor === "string") return quirks.vendor;
  const isAnthropic = baseUrl === undefined || URL.parse(baseUrl)?.hostname === "api.anthropic.com";
  return isAnthropic ? "anthropic" : "compatible";
}

/** What is wrong with the `vendor` among an instance's quirks. */
export function vendorProblems(vendor: unknown): readonly SettingsProblem[] {
  if (vendor === undefined || VENDORS.includes(vendor)) return [];
  return [{ path: ["quirks", "vendor"], message: `must be one of ${VENDORS.join(", ")}` }];
}
