import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DocumentPartSchema } from "../../gen/execution/v1/content_pb.js";
import {
  asBase64,
  asBoolean,
  asList,
  asName,
  asObject,
  asText,
  asWord,
  type Field,
  optional,
  refuse,
} from "../edge/fields.ts";
import { type PartInit, textPart } from "../edge/parts.ts";
import { type Block, blockState, cacheHint, OWNER, openBlock, rawPart, refuseBlock } from "./blocks.ts";

type Kind = NonNullable<PartInit["kind"]>;
/** Reads what a block holds; undefined where the contract has no place for it and it is kept as it was written. */
type BlockReader = (block: Block) => Kind | undefined;

const TEXT: Readonly<Record<string, BlockReader>> = { text: readText };
const KEPT: BlockReader = () => undefined;

/** Blocks of instructions. Changes of the tools, which stand among them, are kept as they were written. */
const SYSTEM_BLOCKS: Readonly<Record<string, BlockReader>> = { ...TEXT, tool_addition: KEPT, tool_removal: KEPT };

/** Blocks of a user's turn and of a tool's result. */
const USER_BLOCKS: Readonly<Record<string, BlockReader>> = {
  ...TEXT,
  image: readImage,
  document: readDocument,
  search_result: KEPT,
  container_upload: KEPT,
  tool_reference: KEPT,
  browser_state: KEPT,
};

/** Reads instructions: a text, or a list of blocks. */
export const readInstructions = (field: Field): PartInit[] => readContent(field, SYSTEM_BLOCKS);

/** Reads the content of a tool's result: a text, or a list of blocks. */
const readResultContent = (field: Field): PartInit[] => readContent(field, USER_BLOCKS);

/** Reads one block of a user's turn that is no result of a tool. */
export const readUserBlock = (field: Field): PartInit => readBlock(field, USER_BLOCKS);

function readContent(field: Field, readers: Readonly<Record<string, BlockReader>>): PartInit[] {
  if (typeof field.value === "string") return [textPart(asText(field))];
  if (!Array.isArray(field.value)) refuse(field.path, "must be a string or a list of blocks");
  return asList(field).map((block) => readBlock(block, readers));
}

function readBlock(field: Field, readers: Readonly<Record<string, BlockReader>>): PartInit {
  const block = openBlock(field);
  const read = Object.hasOwn(readers, block.type) ? readers[block.type] : undefined;
  if (read === undefined) return refuseBlock(block, Object.keys(readers));
  const kind = read(block);
  if (kind === undefined) return rawPart(block);
  const hint = cacheHint(block.fields);
  block.fields.close();
  return { kind, ...hint };
}

function readText({ fields }: Block): Kind {
  const citations = fields.take("citations");
  if (citations !== undefined && asList(citations).length > 0) refuse(citations.path, "belong in assistant messages");
  return { case: "text", value: { text: asText(fields.need("text")) } };
}

function readImage({ fields }: Block): Kind | undefined {
  const source = asObject(fields.need("source"));
  const read = asWord(source.need("type"), {
    base64: () => ({ data: source.need("data"), mimeType: asName(source.need("media_type")) }),
    url: () => ({ url: asName(source.need("url")) }),
    file: () => ({ fileId: asName(source.need("file_id")) }),
  });
  const found: { data?: Field; mimeType?: string; url?: string; fileId?: string } = read();
  source.close();
  if (fields.take("transformations") !== undefined) return undefined;
  const { data, mimeType = "", url = "", fileId } = found;
  // The wire says by the block that the file is a picture; the contract says it by a media type.
  if (fileId !== undefined) return { case: "providerFile", value: { owner: OWNER, fileId, mimeType: "image/*" } };
  if (data === undefined) return { case: "image", value: { source: { case: "url", value: url } } };
  return { case: "image", value: { source: { case: "data", value: asBase64(data) }, mimeType } };
}

type Source = Pick<MessageInitShape<typeof DocumentPartSchema>, "source" | "mimeType">;

function readDocument({ fields }: Block): Kind | undefined {
  const source = asObject(fields.need("source"));
  const read = asWord<() => Source | string | undefined>(source.need("type"), {
    base64: () => {
      const mimeType = asName(source.need("media_type"));
      return { source: { case: "data", value: asBase64(source.need("data")) }, mimeType };
    },
    text: () => {
      const mimeType = asName(source.need("media_type"));
      return { source: { case: "text", value: asText(source.need("data")) }, mimeType };
    },
    url: () => ({ source: { case: "url", value: asName(source.need("url")) } }),
    file: () => asName(source.need("file_id")),
    content: () => {
      source.need("content");
      return undefined;
    },
  });
  const found = read();
  const described = {
    ...optional("title", fields.take("title"), asText),
    ...optional("context", fields.take("context"), asText),
    ...optional("citations", fields.take("citations"), readCitationsSwitch),
  };
  // Of a document made of blocks, and of what is said of a file, the contract knows nothing.
  if (found === undefined || (typeof found === "string" && Object.keys(described).length > 0)) return undefined;
  source.close();
  if (typeof found === "string") return { case: "providerFile", value: { owner: OWNER, fileId: found } };
  return { case: "document", value: { ...found, ...described } };
}

function readCitationsSwitch(field: Field): boolean {
  const fields = asObject(field);
  const enabled = fields.take("enabled");
  fields.close();
  return enabled !== undefined && asBoolean(enabled);
}

/** Reads the result of a tool the caller ran. */
export function readToolResult(field: Field): PartInit {
  const { fields } = openBlock(field);
  const value = {
    toolCallId: asName(fields.need("tool_use_id")),
    ...optional("parts", fields.take("content"), readResultContent),
    ...optional("isError", fields.take("is_error"), asBoolean),
  };
  const hint = cacheHint(fields);
  const isMore = fields.rest().length > 0;
  return { kind: { case: "toolResult", value }, ...(isMore && { providerState: [blockState(field)] }), ...hint };
}
