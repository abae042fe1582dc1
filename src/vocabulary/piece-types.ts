/** SentencePiece's types of pieces, by the numbers that its protobuf, llama.cpp and this project's GGUFs use. */
export const PIECE_TYPE = {
  normal: 1,
  unknown: 2,
  control: 3,
  userDefined: 4,
  unused: 5,
  byte: 6,
} as const;
