import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createKeyedRoster, createRoster } from "../src/roster.ts";

describe("a roster", () => {
  // Mutants seen red: a seat that is left without its neighbours being joined; a second leave counted.
  test("has whoever came and did not leave, in the order they came in, like a Set", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 60 }), (moves) => {
        const roster = createRoster<object>();
        const model = new Set<object>();
        const leaves: { readonly item: object; readonly leave: () => boolean }[] = [];
        for (const move of moves) {
          const chosen = leaves[move];
          if (chosen === undefined) {
            const item = { nth: leaves.length };
            leaves.push({ item, leave: roster.add(item) });
            model.add(item);
          } else {
            expect(chosen.leave()).toBe(model.delete(chosen.item));
          }
          expect(roster.all()).toEqual([...model]);
          expect(roster.size).toBe(model.size);
        }
      }),
    );
  });

  test("may be left by its members while all of them are told", () => {
    const roster = createRoster<() => void>();
    let told = 0;
    const leaves: (() => boolean)[] = [];
    for (let index = 0; index < 3; index += 1) {
      leaves.push(
        roster.add(() => {
          told += 1;
          for (const leave of leaves) leave();
        }),
      );
    }
    for (const tell of roster.all()) tell();
    expect([told, roster.size]).toEqual([3, 0]);
  });
});

// Mutants seen red: a key that stays when its item has left; what is removed twice; an item that stays when another takes its key; the order reversed.
test("a roster with keys is like a Map, but for an item that takes another's key, which comes last", () => {
  const moves = fc.array(fc.record({ key: fc.constantFrom("a", "b", "c", "d"), enters: fc.boolean() }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(moves, (made) => {
      const roster = createKeyedRoster<{ readonly nth: number }>();
      const model = new Map<string, { readonly nth: number }>();
      for (const [nth, { key, enters }] of made.entries()) {
        const before = model.get(key);
        expect(roster.get(key)).toBe(before);
        model.delete(key);
        if (enters) {
          const item = { nth };
          roster.add(key, item);
          model.set(key, item);
        } else {
          expect(roster.remove(key)).toBe(before);
        }
        expect(roster.all()).toEqual([...model.values()]);
        expect(roster.size).toBe(model.size);
      }
    }),
  );
});
