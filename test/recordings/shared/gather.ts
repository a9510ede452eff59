/** Runs a task for each item, a few at a time, and gathers what it finds. */
export async function gather<Item, Found>(
  items: readonly Item[],
  task: (item: Item) => Promise<Found[]>,
): Promise<Found[]> {
  const found: Found[] = [];
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) found.push(...(await task(item)));
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return found;
}
