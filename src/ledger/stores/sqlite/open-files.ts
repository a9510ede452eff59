import { statSync } from "node:fs";

/**
 * Remembers which files stand under these paths now. What it returns says of one that is not there any more, or is another one: the system lets whoever has
 * a file open write on in it when its name is gone, and takes all of it away when that closes it.
 */
export function rememberFiles(paths: readonly string[]): () => string | undefined {
  const identities = paths.map(identityOf);
  return () => paths.find((path, index) => identityOf(path) !== identities[index]);
}

function identityOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev} ${stats.ino}`;
}
