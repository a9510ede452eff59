import { expect, test } from "@jest/globals";
import { post, send, withListener } from "./setup.ts";

// Mutants seen red: a parameter of a map taken for a field of that name; the second one taken for the first.
test("/costs takes metadata by name, each name once", async () => {
  await withListener({}, async ({ port }) => {
    for (const team of ["blue", "red"]) {
      await post(port, "/v1/chat", { messages: [{ role: "user", content: "hi" }], metadata: { team } });
    }
    const groups = async (query: string) => (await send(port, `/costs${query}`)).json().rows;
    expect(await groups("?group_by=metadata&metadata_key=team")).toMatchObject([
      { group: ["blue"] },
      { group: ["red"] },
    ]);
    const red = await groups("?group_by=metadata&metadataKey=team&metadata.team=red");
    expect(red).toMatchObject([{ group: ["red"], calls: "1" }]);
    for (const query of ["?metadata.team=a&metadata.team=b", "?metadata.call=1", "?metadata=team", "?model.team=a"]) {
      const { status, json } = await send(port, `/costs${query}`);
      expect({ query, status, reason: json().reason }).toEqual({ query, status: 400, reason: "INVALID_FIELD" });
    }
  });
});
