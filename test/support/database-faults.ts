import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PostgresServer, startPostgresServer } from "./postgres-server.ts";

/** A way in which a database goes away, and comes back. */
export interface DatabaseFault {
  begin(): Promise<void>;
  end(): Promise<void>;
}

/** A cluster on a small disk of its own. */
export interface FaultyDatabase {
  readonly server: PostgresServer;
  /** All of its processes are killed, and it is started again. */
  readonly killed: DatabaseFault;
  /** All of its processes stand still: connections are neither served nor closed. */
  readonly stalled: DatabaseFault;
  /** Its disk is full. */
  readonly full: DatabaseFault;
  /** What the disk is: a file system in memory, or, where none may be mounted, only a table that says it is full. */
  readonly disk: "tmpfs" | "trigger";
  close(): Promise<void>;
}

/** Of the disk, of which a cluster with nothing in it takes some 40. */
const DISK_MEGABYTES = 160;

/** Starts a cluster with one database. */
export async function startFaultyDatabase(database: string, options: readonly string[] = []): Promise<FaultyDatabase> {
  const directory = mkdtempSync(join(tmpdir(), "ep-disk-"));
  const disk = mount(directory) ? "tmpfs" : "trigger";
  const server = await startPostgresServer(
    ["-c", "max_wal_size=16MB", "-c", "min_wal_size=4MB", ...options],
    directory,
  );
  server.psql("postgres", `CREATE DATABASE ${database}`);
  const again = async (): Promise<void> => {
    // One that could not write its log has ended by itself.
    if (!server.isRunning()) await server.start();
  };
  const say = async (statements: string): Promise<void> => {
    server.psql(database, statements);
  };
  const ballast = join(directory, "ballast");
  return {
    server,
    disk,
    killed: { begin: () => server.kill(), end: again },
    stalled: { begin: async () => server.stall(), end: async () => server.resume() },
    full:
      disk === "tmpfs"
        ? {
            begin: async () => fill(ballast),
            end: async () => {
              rmSync(ballast, { force: true });
              await again();
            },
          }
        : {
            begin: () => say(REFUSE),
            end: () => say("DROP FUNCTION execution_platform.refuse CASCADE"),
          },
    close: async () => {
      await server.stop();
      if (disk === "tmpfs") execFileSync("umount", ["--lazy", directory]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** What a server says of a full disk, without one. */
const REFUSE = `
  CREATE FUNCTION execution_platform.refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$;
  CREATE TRIGGER refuse BEFORE INSERT ON execution_platform.attempts EXECUTE FUNCTION execution_platform.refuse();`;

function mount(directory: string): boolean {
  try {
    const options = `size=${DISK_MEGABYTES}m,mode=0755`;
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", directory], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Writes until nothing more can be written. */
function fill(file: string): void {
  const bytes = Buffer.alloc(2 ** 16, 1);
  const descriptor = openSync(file, "a");
  try {
    while (true) writeSync(descriptor, bytes);
  } catch {
    // That is it.
  } finally {
    closeSync(descriptor);
  }
}
