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
            const item = {};
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

// Mutants seen red: a key that stays when its item has left; what is removed twice.
test("a roster with keys is like a Map", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(8), { maxLength: 60 }), (moves) => {
      const roster = createKeyedRoster<object>();
      const model = new Map<string, object>();
      for (const move of moves) {
        const key = String(move);
        expect(roster.get(key)).toBe(model.get(key));
        if (model.has(key)) {
          expect(roster.remove(key)).toBe(model.get(key));
          model.delete(key);
          expect(roster.remove(key)).toBeUndefined();
        } else {
          const item = {};
          roster.add(key, item);
          model.set(key, item);
        }
        expect(roster.all()).toEqual([...model.values()]);
        expect(roster.size).toBe(model.size);
      }
    }),
  );
});
