import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, release, type } from "node:os";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What a run is on the page. */
export interface ReportedRun {
  /** Names its place on the page, which the next run of that name takes. */
  readonly name: string;
  /** What does it again. */
  readonly command: string;
  /** What it printed. */
  readonly lines: readonly string[];
}

/** Prints what is found, and keeps it for the page. */
export interface Reporter {
  say(line: string): void;
  /** Writes what was said to a page, if one was asked for. */
  write(file: string | undefined, run: Omit<ReportedRun, "lines">): void;
}

/** Creates a reporter that has said nothing. */
export function createReporter(): Reporter {
  const lines: string[] = [];
  return {
    say: (line) => {
      console.log(line);
      lines.push(line);
    },
    write: (file, run) => {
      if (file !== undefined) writeFileSync(file, withRun(pageOf(file), { ...run, lines }, new Date()));
    },
  };
}

/** Puts a run in its place on a page, with what it was run on: whatever stands around it stays. Where it has no place yet it comes last. */
export function withRun(page: string, { name, command, lines }: ReportedRun, at: Date): string {
  const begin = `<!-- run: ${name} -->`;
  const end = "<!-- end of run -->";
  const where = `${at.toISOString().slice(0, 10)}, commit ${commit()}, Node ${process.version}, ${type()} ${release().split(".", 2).join(".")}, ${availableParallelism()} processors`;
  const text = [begin, `\`${command}\`, ${where}:`, "", "```text", ...lines, "```", end].join("\n");
  const from = page.indexOf(begin);
  if (from < 0) return `${page.trimEnd()}\n\n## ${name}\n\n${text}\n`;
  const to = page.indexOf(end, from);
  if (to < 0) throw new Error(`the run ${name} has no end on the page: put ${end} after it`);
  return `${page.slice(0, from)}${text}${page.slice(to + end.length)}`;
}

function pageOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "# Reliability report\n";
  }
}

/** The commit that was run, and whether more than that was. */
function commit(): string {
  const git = (...words: readonly string[]): string =>
    execFileSync("git", words, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const changed = git("status", "--porcelain", "--", "src", "test", "package.json") !== "";
    return `${git("rev-parse", "--short", "HEAD")}${changed ? " and changes" : ""}`;
  } catch {
    return "unknown";
  }
}
