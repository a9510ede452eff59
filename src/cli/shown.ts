/** Values with where each comes from, in the form in which they are printed. */
export type Shown =
  | { readonly kind: "value"; readonly value: unknown; readonly origin: string }
  | { readonly kind: "map"; readonly entries: Map<string, Shown> }
  | { readonly kind: "list"; readonly items: readonly Shown[] };

/** The values alone. */
export function plain(shown: Shown): unknown {
  if (shown.kind === "value") return shown.value;
  if (shown.kind === "list") return shown.items.map(plain);
  return Object.fromEntries([...shown.entries].map(([key, value]) => [key, plain(value)]));
}

/** Each value with its origin, by its path (`personas.default.candidates[0].provider`). */
export function flat(shown: Shown, path = ""): readonly (readonly [string, { value: unknown; origin: string }])[] {
  if (shown.kind === "value") return [[path, { value: shown.value, origin: shown.origin }]];
  if (shown.kind === "list") return shown.items.flatMap((item, index) => flat(item, `${path}[${index}]`));
  return [...shown.entries].flatMap(([key, value]) => flat(value, path === "" ? key : `${path}.${key}`));
}

/** YAML, each value with its origin behind it as a comment if asked for. */
export function yamlText(shown: Shown, withOrigins: boolean): string {
  return linesOf(shown, withOrigins)
    .map((line) => `${line}\n`)
    .join("");
}

function linesOf(shown: Shown, withOrigins: boolean): readonly string[] {
  if (shown.kind === "value") return [`${scalarText(shown.value)}${withOrigins ? `  # ${shown.origin}` : ""}`];
  if (shown.kind === "list") {
    return shown.items.flatMap((item) =>
      linesOf(item, withOrigins).map((line, index) => `${index === 0 ? "- " : "  "}${line}`),
    );
  }
  return [...shown.entries].flatMap(([key, value]) => {
    const lines = linesOf(value, withOrigins);
    if (value.kind === "value") return [`${keyText(key)}: ${lines.join("")}`];
    return lines.length === 0 ? [`${keyText(key)}: {}`] : [`${keyText(key)}:`, ...lines.map((line) => `  ${line}`)];
  });
}

/** Text that YAML reads as nothing but itself when it is not quoted. */
const PLAIN = /^(?!(?:true|false|null|yes|no|on|off)$)(?:[A-Za-z_/.][\w ./:-]*[\w/.-]|[A-Za-z]|\d+[A-Za-z]+)$/i;

function keyText(key: string): string {
  return PLAIN.test(key) && !key.includes(":") ? key : JSON.stringify(key);
}

/** Flow style is JSON, but for texts that need no quotes. */
function scalarText(value: unknown): string {
  if (typeof value === "string") return PLAIN.test(value) && !value.includes(": ") ? value : JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => scalarText(item)).join(", ")}]`;
  return JSON.stringify(value);
}
