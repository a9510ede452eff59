import { type DestinationStream, pino } from "pino";

/** Fields of a log line. Never a prompt, a key or a header of the caller. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** A structured log. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** `cause` is written with its stack. */
  error(message: string, cause: unknown, fields?: LogFields): void;
}

/** Least severe level that is written. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** The one of two levels that writes more. */
export function talkative(one: LogLevel, other: LogLevel): LogLevel {
  const levels: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];
  return levels.find((level) => level === one || level === other) ?? one;
}

/** A log whose level can be changed. */
export interface LeveledLog extends Log {
  setLevel(level: LogLevel): void;
}

/** Creates a log that writes JSON lines, to standard error unless a destination is given. */
export function createLog(level: LogLevel, destination?: DestinationStream): LeveledLog {
  const sink = pino({ level, base: null }, destination ?? pino.destination({ fd: 2, sync: true }));
  return {
    debug: (message, fields) => sink.debug(fields ?? {}, message),
    info: (message, fields) => sink.info(fields ?? {}, message),
    warn: (message, fields) => sink.warn(fields ?? {}, message),
    setLevel: (next) => {
      sink.level = next;
    },
    error: (message, cause, fields) => sink.error({ ...fields, err: cause }, message),
  };
}
