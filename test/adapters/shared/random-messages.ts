import type { MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  CacheTtl,
  Executor,
  ImageDetail,
  MessageRole,
  type MessageSchema,
  type PartSchema,
  type ProviderStateSchema,
} from "../../../src/gen/execution/v1/content_pb.js";
import { bytes, defined, mostly, mostlyOf, objectText, sometimes, text, word } from "./random-values.ts";

type MessageInit = MessageInitShape<typeof MessageSchema>;
type PartInit = MessageInitShape<typeof PartSchema>;
type Kind = PartInit["kind"];

/** State of a provider. */
export type StateInit = MessageInitShape<typeof ProviderStateSchema>;

const MEDIA = ["image_data", "image_url", "document_data", "document_text", "document_url"] as const;
const ALL_MEDIA = [...MEDIA, "audio_data", "audio_url", "file"] as const;

/** A kind of medium by where it is. */
export type Medium = (typeof ALL_MEDIA)[number];

/** What a wire has a place for in messages. The rest is drawn too, but seldom, so that most requests can be built. */
export interface MessageDraws {
  /** Owner of its files and its state. */
  readonly owner: string;
  /** In user messages. */
  readonly media: readonly Medium[];
  /** In results of tools. */
  readonly resultMedia: readonly Medium[];
  readonly imageTypes: readonly string[];
  readonly documentTypes: readonly string[];
  /** State of its own, for parts of conversations. */
  readonly states: fc.Arbitrary<StateInit>;
  /** `raw_json` of citations. */
  readonly citations: readonly string[];
  /** Whether calls may have free text for arguments. */
  readonly freeForm: boolean;
  /** Whether there may be instructions after the beginning. */
  readonly lateInstructions: boolean;
}

/** A cache hint. */
export const cacheHint = fc.record({
  ttl: fc.constantFrom(CacheTtl.UNSPECIFIED, CacheTtl.FIVE_MINUTES, CacheTtl.ONE_HOUR),
});

const plain = text.map((value) => ({ case: "text" as const, value: { text: value } }));
const strangeState = (owner: string): fc.Arbitrary<StateInit> =>
  fc.record({ owner: fc.constantFrom("another", owner), kind: word, data: bytes });

function medium(name: Medium, { owner, imageTypes, documentTypes }: MessageDraws): fc.Arbitrary<Kind> {
  const [, from] = name.split("_");
  const source =
    from === "url"
      ? fc.webUrl().map((value) => ({ case: "url" as const, value }))
      : bytes.map((value) => ({ case: "data" as const, value }));
  if (name === "file") {
    const file = fc.record({
      owner: mostlyOf([owner], ["another"]),
      fileId: word,
      mimeType: fc.constantFrom("", "image/*"),
    });
    return file.map((value) => ({ case: "providerFile" as const, value }));
  }
  if (name.startsWith("image")) {
    const image = fc.record({
      source,
      mimeType: mostlyOf(imageTypes, ["image/bmp"]),
      detail: fc.constantFrom(ImageDetail.UNSPECIFIED, ImageDetail.AUTO, ImageDetail.LOW, ImageDetail.HIGH),
    });
    return image.map((value) => ({ case: "image" as const, value }));
  }
  if (name.startsWith("audio")) {
    const audio = fc.record({ source, mimeType: fc.constantFrom("audio/wav", "audio/mpeg") });
    return audio.map((value) => ({ case: "audio" as const, value }));
  }
  const document = fc.record({
    source: from === "text" ? text.map((value) => ({ case: "text" as const, value })) : source,
    mimeType: mostlyOf(documentTypes, ["application/zip"]),
    title: text,
    filename: text,
    context: text,
    citations: fc.boolean(),
  });
  return document.map((value) => ({ case: "document" as const, value }));
}

const mediaOf = (taken: readonly Medium[], all: readonly Medium[], draws: MessageDraws): fc.Arbitrary<Kind> =>
  mostlyOf(taken, all).chain((name) => medium(name, draws));

const partOf = (kind: fc.Arbitrary<Kind>, state: fc.Arbitrary<StateInit>): fc.Arbitrary<PartInit> =>
  fc
    .record({
      kind,
      cacheHint: sometimes(cacheHint),
      providerState: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, fc.array(state, { maxLength: 2 })),
    })
    .map(defined) as fc.Arbitrary<PartInit>;

const toolCall = ({ freeForm }: MessageDraws): fc.Arbitrary<Kind> =>
  fc
    .record({
      id: word,
      name: word,
      // Models write what is no JSON, too.
      argumentsJson: fc.oneof(fc.constantFrom("", "{}", "{cut", '["list"]'), objectText, fc.json({ maxDepth: 2 })),
      executor: fc.constantFrom(Executor.UNSPECIFIED, Executor.CALLER, Executor.PLATFORM, Executor.PROVIDER),
      freeForm: mostly(freeForm ? fc.boolean() : fc.constant(false), fc.constant(true)),
    })
    .map((value) => ({ case: "toolCall" as const, value }));

function toolResult(draws: MessageDraws): fc.Arbitrary<Kind> {
  const media = mediaOf(draws.resultMedia, MEDIA, draws);
  const inner = draws.resultMedia.length > 0 ? fc.oneof(plain, media) : mostly<Kind>(plain, media);
  return fc
    .record({
      toolCallId: word,
      name: mostly(word, fc.constant("")),
      parts: fc.array(partOf(inner, strangeState(draws.owner)), { maxLength: 2 }),
      isError: fc.boolean(),
      executor: fc.constantFrom(Executor.UNSPECIFIED, Executor.CALLER, Executor.PROVIDER),
    })
    .map((value) => ({ case: "toolResult" as const, value }));
}

function assistantPart(draws: MessageDraws): fc.Arbitrary<PartInit> {
  const citations = fc.array(
    fc.constantFrom(...draws.citations, '{"type":"other"}', "{").map((rawJson) => ({ rawJson })),
    { maxLength: 2 },
  );
  const kind = fc.oneof(
    plain,
    fc.record({ text, citations }).map((value) => ({ case: "text" as const, value })),
    text.map((value) => ({ case: "reasoning" as const, value: { text: value } })),
    text.map((value) => ({ case: "refusal" as const, value: { text: value } })),
    toolCall(draws),
    toolResult(draws),
    fc.constant<Kind>({ case: undefined }),
  );
  return partOf(kind as fc.Arbitrary<Kind>, fc.oneof(draws.states, strangeState(draws.owner)));
}

const messageOf = (role: MessageRole, part: fc.Arbitrary<PartInit>): fc.Arbitrary<MessageInit> =>
  fc.record({
    role: fc.constant(role),
    parts: fc.array(part, { maxLength: 3 }),
    name: fc.constantFrom("", "", "ada"),
    prefix: role === MessageRole.ASSISTANT ? mostly(fc.constant(false), fc.constant(true)) : fc.constant(false),
  });

/** A conversation: instructions, then up to five turns, in which there is seldom what the wire has no place for. */
export function randomMessages(draws: MessageDraws): fc.Arbitrary<MessageInit[]> {
  const strange = strangeState(draws.owner);
  const state = fc.oneof(draws.states, strange);
  const instruction = fc
    .constantFrom(MessageRole.SYSTEM, MessageRole.DEVELOPER)
    .chain((role) => messageOf(role, partOf(plain, strange)));
  const said = fc.oneof(
    messageOf(MessageRole.USER, partOf(fc.oneof(plain, mediaOf(draws.media, ALL_MEDIA, draws)), state)),
    messageOf(MessageRole.ASSISTANT, assistantPart(draws)),
    messageOf(MessageRole.TOOL, partOf(toolResult(draws), state)),
  );
  const turn = draws.lateInstructions
    ? fc.oneof({ weight: 4, arbitrary: said }, { weight: 1, arbitrary: instruction })
    : mostly(said, instruction);
  return fc
    .tuple(fc.array(instruction, { maxLength: 2 }), fc.array(turn, { minLength: 1, maxLength: 5 }))
    .map(([instructions, turns]) => [...instructions, ...turns]);
}
