import { defaulted, list, object, optional } from "./reader.ts";
import { secretReference } from "./secrets.ts";
import { duration, integer, oneOf, text } from "./values.ts";

/** The section `ledger` of the file. */
export const ledger = object({
  store: defaulted(
    oneOf(["sqlite", "postgres", "memory"]),
    "sqlite",
    "Where what attempts cost is written down: in `data_dir`; in a database that gateways share, with `data_dir` as its spool; or in memory, where it is gone with the process.",
  ),
  url: optional(
    secretReference,
    "Database of the store `postgres`, PostgreSQL 13 or later: `postgres://user@host:5432/database`. With a password `{ env: NAME }` or `{ file: path }`. `?sslmode=` `disable`, `require` (encrypted, to whoever answers) or `verify-full`, which holds for all but loopback without it.",
  ),
  certificate_authority: optional(
    text(4096),
    "File with the certificates, in PEM, of those who may vouch for the database, instead of the well-known ones.",
  ),
  max_spool_rows: defaulted(
    integer(1_000, 1_000_000_000),
    1_000_000,
    "Most rows that wait for the database while it is away, some 1 kB each; with that many no call is taken until it is back.",
  ),
  keep_rows: defaulted(duration("1h", "876000h"), "720h", "How long the row of each attempt is kept."),
  keep_minutes: defaulted(duration("1h", "876000h"), "168h", "How long sums by minute are kept."),
  keep_hours: defaulted(
    duration("1h", "876000h"),
    "2160h",
    "How long sums by hour are kept, at least as long as those by minute. Sums by day are kept for ever.",
  ),
  metadata_keys: defaulted(
    list(text(64), 0, 4),
    [],
    "Names of metadata whose values are kept apart in sums, at most 4. A value that is new in every call makes a sum for every call.",
  ),
});
