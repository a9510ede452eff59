/** What goes on at the moment, in the order in which it began. */
export interface Roster<Item extends object> {
  readonly size: number;
  /** Enters an item. Returns what takes it out, which says whether it was still there. */
  add(item: Item): () => boolean;
  /** What is there now. */
  all(): readonly Item[];
}

/** What goes on at the moment, by a key that each has for itself, in the order in which it began. */
export interface KeyedRoster<Item extends object> {
  readonly size: number;
  /** Enters an item under a key, in the place of the one that had it. */
  add(key: string, item: Item): void;
  get(key: string): Item | undefined;
  /** Takes an item out and returns it; undefined if it is not there. */
  remove(key: string): Item | undefined;
  /** What is there now. */
  all(): readonly Item[];
}

/**
 * Holds an item until it leaves, and nothing after that. A Map or a Set would keep it: when its table is full of gaps it makes a new one, and the old table, in V8's old
 * generation by then, holds its entries until the next full collection. A class, since V8 takes the places of object literals that live so long to make what lives long
 * (docs/decisions/0014-garbage-collector.md).
 */
class Seat<Item extends object> {
  item: Item | undefined;
  before: Seat<Item> | undefined;
  after: Seat<Item> | undefined;

  constructor(item: Item, before: Seat<Item> | undefined) {
    this.item = item;
    this.before = before;
    this.after = undefined;
  }
}

/** Creates an empty roster. It is a list: a Set's old tables would keep the items. */
export function createRoster<Item extends object>(): Roster<Item> {
  const seats = createSeats<Item>();
  return {
    get size() {
      return seats.size();
    },
    add: (item) => {
      const seat = seats.take(item);
      return () => seats.leave(seat) !== undefined;
    },
    all: seats.all,
  };
}

/** Creates an empty roster with keys. Its map's old tables keep keys and empty seats only. */
export function createKeyedRoster<Item extends object>(): KeyedRoster<Item> {
  const seats = createSeats<Item>();
  const byKey = new Map<string, Seat<Item>>();
  return {
    get size() {
      return byKey.size;
    },
    add: (key, item) => {
      const before = byKey.get(key);
      if (before !== undefined) seats.leave(before);
      byKey.set(key, seats.take(item));
    },
    get: (key) => byKey.get(key)?.item,
    remove: (key) => {
      const seat = byKey.get(key);
      if (seat === undefined) return undefined;
      byKey.delete(key);
      return seats.leave(seat);
    },
    all: seats.all,
  };
}

interface Seats<Item extends object> {
  size(): number;
  take(item: Item): Seat<Item>;
  /** Returns who left; undefined if nobody was there. */
  leave(seat: Seat<Item>): Item | undefined;
  all(): readonly Item[];
}

function createSeats<Item extends object>(): Seats<Item> {
  let first: Seat<Item> | undefined;
  let last: Seat<Item> | undefined;
  let size = 0;
  return {
    size: () => size,
    take: (item) => {
      const seat = new Seat(item, last);
      if (last === undefined) first = seat;
      else last.after = seat;
      last = seat;
      size += 1;
      return seat;
    },
    leave: (seat) => {
      const { item } = seat;
      if (item === undefined) return undefined;
      if (seat.before === undefined) first = seat.after;
      else seat.before.after = seat.after;
      if (seat.after === undefined) last = seat.before;
      else seat.after.before = seat.before;
      seat.item = undefined;
      seat.before = undefined;
      seat.after = undefined;
      size -= 1;
      return item;
    },
    all: () => {
      const items: Item[] = [];
      for (let seat = first; seat !== undefined; seat = seat.after) if (seat.item !== undefined) items.push(seat.item);
      return items;
    },
  };
}
