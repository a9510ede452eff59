/** The files a configuration came from. Files without any text are as good as none. */
export interface LoadedFiles {
  /** Path of the configuration file. Undefined if there was none. */
  readonly config: string | undefined;
  /** Paths of the `.env` files. */
  readonly variables: readonly string[];
}

/**
 * The files a configuration in force came from that are gone, or blank, where the next one was loaded: a mishap, or a moment in which somebody
 * replaces them, which must not pass for a wish to go on without what they said. A configuration file of another name takes the place of the old
 * one, and a file of remarks alone is there.
 */
export function goneFiles(inForce: LoadedFiles, next: LoadedFiles): readonly string[] {
  const config = inForce.config !== undefined && next.config === undefined ? [inForce.config] : [];
  return [...config, ...inForce.variables.filter((file) => !next.variables.includes(file))];
}

/** Reads files as `readFile` does, and notes which of them have text. */
export function noteFiles(readFile: (path: string) => string | undefined): {
  readonly readFile: (path: string) => string | undefined;
  readonly withText: ReadonlySet<string>;
} {
  const withText = new Set<string>();
  return {
    withText,
    readFile: (path) => {
      const text = readFile(path);
      if (text !== undefined && text.trim() !== "") withText.add(path);
      return text;
    },
  };
}
