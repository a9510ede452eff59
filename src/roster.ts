/** What goes on at the moment, in the order in which it began. */
export interface Roster<Item extends object> {
  readonly size: number;
  /** Enters an item. Returns what takes it out, which says whether it was still there. */
  add(item: Item): () => boolean;
  /** What is there now. */
  all(): readonly Item[];
}

interface Seat<Item extends object> {
  item: Item | undefined;
  before: Seat<Item> | undefined;
  after: Seat<Item> | undefined;
}

/**
 * Creates an empty roster. It is a list and not a Set because of what the garbage collector makes of calls that come and go: a Set makes a new table each time its
 * old one is full of gaps, and the old one, which is old to the collector too, keeps what was in it alive until the next full collection, with all that
 * belongs to it. A seat that was left holds nothing.
 */
export function createRoster<Item extends object>(): Roster<Item> {
  let first: Seat<Item> | undefined;
  let last: Seat<Item> | undefined;
  let size = 0;

  const leave = (seat: Seat<Item>): boolean => {
    if (seat.item === undefined) return false;
    if (seat.before === undefined) first = seat.after;
    else seat.before.after = seat.after;
    if (seat.after === undefined) last = seat.before;
    else seat.after.before = seat.before;
    seat.item = undefined;
    seat.before = undefined;
    seat.after = undefined;
    size -= 1;
    return true;
  };
  return {
    get size() {
      return size;
    },
    add: (item) => {
      const seat: Seat<Item> = { item, before: last, after: undefined };
      if (last === undefined) first = seat;
      else last.after = seat;
      last = seat;
      size += 1;
      return () => leave(seat);
    },
    all: () => {
      const items: Item[] = [];
      for (let seat = first; seat !== undefined; seat = seat.after) if (seat.item !== undefined) items.push(seat.item);
      return items;
    },
  };
}
