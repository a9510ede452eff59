/** First in, first out. Unlike a Map's oldest entry, its oldest is found at once, however many were taken before. */
export interface Queue<Item> {
  readonly size: number;
  push(item: Item): void;
  /** The oldest item, without taking it. */
  peek(): Item | undefined;
  /** Takes the oldest item. */
  shift(): Item | undefined;
  /** Takes out all that is not wanted any more, in a time that grows with its size. */
  retain(isWanted: (item: Item) => boolean): void;
}

/** How many items are taken before their room is given back. */
const COMPACT_AFTER = 1024;

/** Creates an empty queue. */
export function createQueue<Item>(): Queue<Item> {
  let items: (Item | undefined)[] = [];
  let start = 0;
  return {
    get size() {
      return items.length - start;
    },
    push: (item) => items.push(item),
    peek: () => items[start],
    shift: () => {
      const item = items[start];
      if (start === items.length) return undefined;
      items[start] = undefined;
      start += 1;
      if (start >= COMPACT_AFTER && 2 * start >= items.length) {
        items = items.slice(start);
        start = 0;
      }
      return item;
    },
    retain: (isWanted) => {
      items = items.slice(start).filter((item) => item !== undefined && isWanted(item));
      start = 0;
    },
  };
}
