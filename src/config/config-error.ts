import { type Path, type Place, pathText, shownName } from "./tree.ts";
import { visible } from "./visible.ts";

/** One thing wrong with the configuration. No field ever holds a secret, nor a character that shows nothing itself. */
export interface ConfigProblem {
  /** `execution-platform.yaml:3:5`, `EP_GRPC_PORT`, `EP_GRPC_PORT (.env:3)`, or the name of a file; empty for what is missing everywhere. */
  readonly where: string;
  /** Path of the value in the configuration (`providers.near.base_url`); empty if the problem is not about one value. */
  readonly path: string;
  /** What is bad and how to mend it. */
  readonly message: string;
}

/** The configuration is refused. It lists every problem that was found, one line each, in the order of the file. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? "one problem" : `${problems.length} problems`;
    super([`the configuration is refused, it has ${count}:`, ...problems.map(problemText)].join("\n"));
    this.problems = Object.freeze(problems.map((problem) => Object.freeze(problem)));
  }
}

function problemText({ where, path, message }: ConfigProblem): string {
  return `  ${[where, path, message].filter((part) => part !== "").join(": ")}`;
}

/** Collects problems, so that all of them are told at once. */
export interface Problems {
  /** `where` is a place in the configuration, or the name of a file that is bad as a whole. */
  add(where: Place | string, path: Path, message: string): void;
  /** True if there is a problem in one of these top-level sections. */
  hasIn(sections: readonly string[]): boolean;
  /** Throws a ConfigError if there is any problem. */
  throwIfAny(): void;
}

/** Creates an empty collection. `fileName` is how the configuration file is called in messages. */
export function createProblems(fileName: () => string): Problems {
  const found: { readonly where: Place | string; readonly path: Path; readonly message: string }[] = [];
  return {
    add: (where, path, message) => {
      found.push({ where, path, message });
    },
    hasIn: (sections) => found.some(({ path }) => sections.includes(String(path[0]))),
    throwIfAny: () => {
      if (found.length === 0) return;
      // What is wrong with a default follows from something that is wrong with what was written, if there is such a thing.
      const written = found.filter(({ where }) => typeof where === "string" || where.source !== "default");
      const sorted = (written.length > 0 ? written : found).toSorted(
        (left, right) => positionOf(left.where) - positionOf(right.where),
      );
      const problems = sorted.map(({ where, path, message }) => ({
        where: visible(typeof where === "string" ? where : whereText(where, fileName())),
        path: visible(pathText(path.map((step) => (typeof step === "string" ? shownName(step) : step)))),
        message: visible(message),
      }));
      // One bad variable can be felt at several values.
      const distinct = new Map(problems.map((problem) => [`${problem.where}\n${problem.message}`, problem]));
      throw new ConfigError([...distinct.values()]);
    },
  };
}

/** Places in the file come first, in its order; the others keep theirs. */
function positionOf(where: Place | string): number {
  const isInFile = typeof where !== "string" && where.source === "file" && where.file === undefined;
  return isInFile ? where.line * 1e6 + Math.min(where.column, 999_999) : Number.MAX_SAFE_INTEGER;
}

/** The place as the reader of an error message looks for it. */
function whereText(place: Place, fileName: string): string {
  if (place.source === "file") return `${place.file ?? fileName}:${place.line}:${place.column}`;
  if (place.source === "persona-map") return `${place.file}:${place.line}:${place.column}`;
  if (place.source === "default") return "";
  return place.file === undefined ? place.name : `${place.name} (${place.file})`;
}
