/** One thing wrong with a value, and where in it. */
export interface ShapeProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Says what is wrong with a value; `path` leads from the value to the culprit. */
export type Report = (message: string, ...path: (string | number)[]) => void;

/** Reads a value of unknown shape. Reports everything that is wrong; what it returns then is not to be used. */
export type Shape<Value> = (value: unknown, report: Report) => Value | undefined;

/** The value a shape reads. */
export type ValueOf<Read> = Read extends Shape<infer Value> ? Value : never;

type Fields = Readonly<Record<string, Shape<unknown>>>;
type Required<Of extends Fields> = { readonly [Name in keyof Of]: ValueOf<Of[Name]> };
type Optional<Of extends Fields> = { readonly [Name in keyof Of]?: ValueOf<Of[Name]> | undefined };

/** Bounds of a text's length or a list's, both inclusive. */
interface Size {
  readonly min?: number;
  readonly max?: number;
}

/** Text, well-formed. */
export function string({ min = 0, max = Number.POSITIVE_INFINITY }: Size = {}): Shape<string> {
  return (value, report) => {
    if (typeof value !== "string") return refuse(report, "must be a text");
    if (value.length < min)
      return refuse(report, min === 1 ? "must not be empty" : `must have at least ${min} characters`);
    if (value.length > max) return refuse(report, `must have at most ${max} characters`);
    return value.isWellFormed() ? value : refuse(report, "is not well-formed Unicode");
  };
}

/** Bytes as base64 text. */
export function base64({ min = 0 }: Size = {}): Shape<string> {
  const text = string({ min });
  return (value, report) => {
    const read = text(value, report);
    if (read === undefined || (read.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(read))) return read;
    return refuse(report, "is not base64");
  };
}

/** A number from `min` to `max`, both inclusive. */
export function number(min: number, max: number): Shape<number> {
  return (value, report) => {
    if (typeof value === "number" && value >= min && value <= max) return value;
    return refuse(report, `must be a number from ${min} to ${max}`);
  };
}

/** A whole number from `min` to `max`, both inclusive. */
export function integer(min: number, max: number): Shape<number> {
  return (value, report) => {
    if (Number.isInteger(value) && typeof value === "number" && value >= min && value <= max) return value;
    return refuse(report, `must be a whole number from ${min} to ${max}`);
  };
}

/** True or false. */
export const boolean: Shape<boolean> = (value, report) =>
  typeof value === "boolean" ? value : refuse(report, "must be true or false");

/** Nothing but true. */
export const onlyTrue: Shape<true> = (value, report) => (value === true ? value : refuse(report, "must be true"));

/** One of some words. */
export function oneOf<const Word extends string>(words: readonly Word[]): Shape<Word> {
  return (value, report) =>
    words.find((word) => word === value) ?? refuse(report, `must be one of ${words.join(", ")}`);
}

/** A list. */
export function list<Item>(
  shape: Shape<Item>,
  { min = 0, max = Number.POSITIVE_INFINITY }: Size = {},
): Shape<readonly Item[]> {
  return (value, report) => {
    if (!Array.isArray(value)) return refuse(report, "must be a list");
    if (value.length < min) return refuse(report, "must not be empty");
    if (value.length > max) return refuse(report, `must have at most ${max} entries`);
    const read: Item[] = [];
    for (const [index, entry] of value.entries()) {
      const item = shape(entry, within(report, index));
      if (item !== undefined) read.push(item);
    }
    return read;
  };
}

/** What `convert` makes of the value, read by the shape: for a short form beside the full one. */
export function converted<Value>(convert: (value: unknown) => unknown, shape: Shape<Value>): Shape<Value> {
  return (value, report) => shape(convert(value), report);
}

/** An object with all of the required fields, any of the optional ones, and no other. */
export function object<R extends Fields, O extends Fields>(required: R, optional: O): Shape<Required<R> & Optional<O>> {
  return (value, report) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(report, "must be an object");
    const read: Record<string, unknown> = {};
    const given = new Map<string, unknown>(Object.entries(value));
    for (const [name, shape] of [...Object.entries(required), ...Object.entries(optional)]) {
      const field = given.get(name);
      given.delete(name);
      if (field !== undefined) read[name] = shape(field, within(report, name));
      else if (Object.hasOwn(required, name)) report("is missing", name);
    }
    for (const name of given.keys()) report("is not known here", name);
    return read as Required<R> & Optional<O>;
  };
}

/** An object that is told from the others by the one name of theirs that it has, so that what is wrong in it is said where it is. */
export function oneNamed<Shapes extends Fields>(shapes: Shapes): Shape<ValueOf<Shapes[keyof Shapes]>> {
  const names = Object.keys(shapes);
  return (value, report) => {
    const [name, another] =
      typeof value === "object" && value !== null ? names.filter((candidate) => Object.hasOwn(value, candidate)) : [];
    const shape = name === undefined || another !== undefined ? undefined : shapes[name];
    if (shape === undefined) return refuse(report, `must be an object with exactly one of ${names.join(", ")}`);
    return shape(value, report) as ValueOf<Shapes[keyof Shapes]> | undefined;
  };
}

/** A report about a part of what the outer one is about. */
export function within(report: Report, ...head: (string | number)[]): Report {
  return (message, ...path) => report(message, ...head, ...path);
}

function refuse(report: Report, message: string): undefined {
  report(message);
}
