import { describe, expect, it } from "vitest";
import { parseSentencePiece } from "../../../src/checkpoint/sentencepiece.ts";
import { FileError } from "../../../src/errors.ts";
import {
  bytePieces,
  lengthDelimited,
  type ModelProto,
  normalPieces,
  type Piece,
  sentencePiece,
  specialPieces,
  tinyPieces,
  varint,
} from "../convert/make-checkpoint.ts";

const parse = (model: ModelProto | Buffer) =>
  parseSentencePiece(Buffer.isBuffer(model) ? model : sentencePiece(model), "tokenizer.model");

const identity: [number, boolean][] = [[4, false]];

describe("parseSentencePiece", () => {
  it("reads pieces, scores, types and the flags of the normaliser", () => {
    const model = parse({});
    expect(model.pieces.length).toBe(tinyPieces.length);
    expect(model.pieces.at(5)).toBe("\n");
    expect(model.pieces.at(tinyPieces.length - 1)).toBe("語");
    expect(model.scores.at(-2)).toBe(-5.5);
    expect([...model.types.subarray(0, 7)]).toEqual([2, 3, 3, 4, 4, 4, 6]);
    expect(model.types.at(-1)).toBe(1);
    expect([model.unknownId, model.addDummyPrefix, model.idOf("▁ab"), model.idOf("zz")]).toEqual([
      0,
      false,
      266,
      undefined,
    ]);
  });

  it("takes the defaults of the schema: a dummy prefix", () => {
    expect(parse({ normalizer: identity }).addDummyPrefix).toBe(true);
  });

  it("skips fields that it does not know, of every wire type", () => {
    const fixed64 = Buffer.concat([Buffer.from([((200 << 3) & 0x7f) | 0x80 | 1, 0x0c]), Buffer.alloc(8)]);
    const fixed32 = Buffer.concat([Buffer.from([0xc5, 0x0c]), Buffer.alloc(4)]);
    const extra = Buffer.concat([lengthDelimited(4, Buffer.from("self test")), varint(300, 2 ** 40), fixed64, fixed32]);
    expect(parse({ extra }).pieces.length).toBe(tinyPieces.length);
  });

  it("merges a message that comes in two parts, the last value winning", () => {
    expect(parse({ extra: lengthDelimited(3, varint(3, 1)) }).addDummyPrefix).toBe(true);
  });

  const replaced = (piece: string, by: Piece) => ({ pieces: tinyPieces.map((p) => (p.piece === piece ? by : p)) });

  it.each<[string, ModelProto, RegExp]>([
    [
      "a unigram model",
      {
        trainer: [
          [3, 1],
          [35, true],
        ],
      },
      /type unigram; expected bpe/,
    ],
    ["a model of the default type", { trainer: [[35, true]] }, /type unigram/],
    [
      "a model of an unknown type",
      {
        trainer: [
          [3, 9],
          [35, true],
        ],
      },
      /type 9/,
    ],
    ["no byte fallback", { trainer: [[3, 2]] }, /no byte fallback/],
    [
      "white space as a suffix",
      {
        trainer: [
          [3, 2],
          [35, true],
          [24, true],
        ],
      },
      /suffix/,
    ],
    [
      "a normaliser that replaces characters",
      { normalizer: [...identity, [1, "nmt_nfkc"], [2, "xxxx"]] },
      /replaces characters \("nmt_nfkc"\)/,
    ],
    ["a normaliser with rules", { normalizer: [...identity, [6, "a\tb"]] }, /replaces characters/],
    ["a normaliser that removes white space", { normalizer: [[3, false]] }, /removes extra white space/],
    ["a normaliser that keeps spaces", { normalizer: [...identity, [5, false]] }, /does not write spaces/],
    ["a piece twice", { pieces: [...tinyPieces, { piece: "ab" }] }, /"ab" twice, as ids 265 and 269/],
    ["an empty piece", { pieces: [...tinyPieces, { piece: "" }] }, /piece of 0 bytes as id 269/],
    ["a piece that is too long", { pieces: [...tinyPieces, { piece: "x".repeat(4097) }] }, /4097 bytes/],
    ["a piece that is not UTF-8", { pieces: [...tinyPieces, { piece: Buffer.from([0xc3]) }] }, /not UTF-8 as id 269/],
    [
      "a piece with half a surrogate pair",
      { pieces: [...tinyPieces, { piece: Buffer.from([0xed, 0xa0, 0x80]) }] },
      /not UTF-8/,
    ],
    ["a piece with NUL", { pieces: [...tinyPieces, { piece: "a\0b" }] }, /NUL/],
    ["a piece of type 7", { pieces: [...tinyPieces, { piece: "x", type: 7 }] }, /type 7/],
    ["a score that is not finite", { pieces: [...tinyPieces, { piece: "x", score: Number.NaN }] }, /not finite/],
    ["no unknown piece", replaced("<unk>", { piece: "<unk>", type: 3 }), /0 pieces of type "unknown"/],
    ["two unknown pieces", { pieces: [...tinyPieces, { piece: "<unk2>", type: 2 }] }, /2 pieces of type "unknown"/],
    [
      "a missing byte",
      { pieces: [...specialPieces, ...bytePieces.slice(0, 255), ...normalPieces] },
      /has no byte piece <0xFF>/,
    ],
    ["a byte of another type", replaced("<0x41>", { piece: "<0x41>", type: 1 }), /has no byte piece <0x41>/],
    ["a byte piece too many", { pieces: [...tinyPieces, { piece: "<0x100>", type: 6 }] }, /257 byte pieces/],
    ["no pieces", { pieces: [] }, /has no pieces/],
  ])("refuses %s", (_, model, message) => {
    expect(() => parse(model)).toThrow(FileError);
    expect(() => parse(model)).toThrow(message);
  });

  it.each<[string, Buffer, RegExp]>([
    ["an empty file", Buffer.alloc(0), /has no pieces/],
    ["a length beyond the end", Buffer.from([0x0a, 0x7f, 0x00]), /ends inside a field/],
    ["a length of 2^63", Buffer.from("0affffffffffffffffff7f", "hex"), /more than 64 bits|ends inside/],
    ["a varint without an end", Buffer.from("0affffffffffffffffffff01", "hex"), /more than 64 bits/],
    ["a tag without a value", Buffer.from([0x08]), /ends inside a number/],
    ["a group", Buffer.from([0x0b]), /wire type 3/],
    ["wire type 7", Buffer.from([0x0f]), /wire type 7/],
    ["field number 0", Buffer.from([0x02, 0x00]), /number 0/],
    ["pieces that are numbers", Buffer.from([0x08, 0x01]), /field 1 is not text/],
    ["a score that is a number", lengthDelimited(1, varint(2, 5)), /field 2 is not a float/],
    ["a type that is text", lengthDelimited(1, lengthDelimited(3, Buffer.from("x"))), /field 3 is not a number/],
    ["a fixed value without its end", Buffer.from([0x0d, 0x00]), /ends inside a field/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => parse(bytes)).toThrow(message);
    expect(() => parse(bytes)).toThrow(FileError);
  });

  it("gives a clear answer to every cut and every changed byte", () => {
    const whole = sentencePiece();
    const tryOne = (bytes: Buffer) => {
      try {
        parse(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(FileError);
      }
    };
    for (let size = 0; size < whole.length; size += 7) tryOne(whole.subarray(0, size));
    for (let at = 0; at < whole.length; at += 5) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] as number) ^ (1 << (at % 8));
      tryOne(changed);
    }
  });
});
