/** Metadata of a call. */
export type Metadata = Readonly<Record<string, string>>;

/** Stands for values that are no longer kept apart. */
export const OTHER = "(other)";

/** Metadata as text, the names in order, so that what is equal is equal text; empty if there is none. */
export function metadataText(metadata: Metadata): string {
  const names = Object.keys(metadata);
  if (names.length === 0) return "";
  return JSON.stringify(Object.fromEntries(names.sort().map((name) => [name, metadata[name]])));
}

/** The pairs with these names, as text. */
export function declaredText(metadata: Metadata, names: readonly string[]): string {
  if (names.length === 0) return "";
  return metadataText(Object.fromEntries(Object.entries(metadata).filter(([name]) => names.includes(name))));
}

/** Reads what `metadataText` wrote. */
export function readMetadata(text: string): Metadata {
  return text === "" ? {} : (JSON.parse(text) as Metadata);
}

/** The value of a name; empty if it has none. */
export type MetadataValue = (text: string, name: string) => string;

/** Creates a reader of values that reads each text once. Of the text `OTHER` every value is `OTHER`. */
export function createMetadataValues(): MetadataValue {
  const read = new Map<string, ReadonlyMap<string, string>>();
  return (text, name) => {
    if (text === "" || text === OTHER) return text;
    const known = read.get(text) ?? new Map(Object.entries(readMetadata(text)));
    read.set(text, known);
    return known.get(name) ?? "";
  };
}

/** True if a text has all the values that are wanted. */
export function hasMetadata(text: string, wanted: Metadata, metadataValue: MetadataValue): boolean {
  return Object.entries(wanted).every(([name, value]) => metadataValue(text, name) === value);
}
