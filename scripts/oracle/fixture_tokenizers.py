"""SentencePiece models for the fixture checkpoints, with the flags of Yi's tokenizer.

Three of them:

- yi_like: what Starling-RM-34B's tokenizer looks like in small. Identity normaliser, no dummy
  prefix, nothing stripped, digits split, byte fallback. Ids 1 to 5 are CONTROL pieces, 6 to 8 and
  the newline USER_DEFINED ones, as in Yi's own model.
- dummy_prefix: the same with add_dummy_prefix, plus USER_DEFINED pieces of several characters that
  ordinary text contains, some of which overlap, and CONTROL pieces with ordinary spellings. It is
  there to tell apart implementations that agree on tame text.
- tied: equal scores on pieces that compete with each other, and UNUSED pieces, so that the order of
  merges and the treatment of the piece types show.
"""

from __future__ import annotations

import io

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as model_pb2

from corpus import SENTENCES

CONTROL = ["<|Human|>", "<|Assistant|>", "<|System|>"]
CHAT = ["<|im_start|>", "<|im_end|>", "<|im_sep|>"]

TYPES = model_pb2.ModelProto.SentencePiece


def _train(vocab_size: int, *, control: list[str], user_defined: list[str], add_dummy_prefix: bool) -> bytes:
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_writer=out,
        model_type="bpe",
        vocab_size=vocab_size,
        # Fewer characters than the corpus has, so that some Chinese ones need byte fallback.
        character_coverage=0.985,
        normalization_rule_name="identity",
        add_dummy_prefix=add_dummy_prefix,
        remove_extra_whitespaces=False,
        split_digits=True,
        byte_fallback=True,
        allow_whitespace_only_pieces=True,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=-1,
        unk_piece="<unk>",
        bos_piece="<|startoftext|>",
        eos_piece="<|endoftext|>",
        control_symbols=control,
        user_defined_symbols=user_defined,
        num_threads=1,
        minloglevel=2,
    )
    # The trainer notes its own settings and the input's name; the rest of the file is deterministic.
    return out.getvalue()


def yi_like() -> bytes:
    return _train(512, control=CONTROL, user_defined=[*CHAT, "\n"], add_dummy_prefix=False)


def dummy_prefix() -> bytes:
    ordinary_controls = ["<pad>", "the end"]
    model = _train(
        480,
        control=CONTROL,
        # "\n" and "\n\n", "--" and "->", runs of spaces and ordinary pieces overlap; "<|im_" begins the
        # chat tokens. A run of plain spaces can only match before spaces become "▁", a run of "▁" only
        # after; "▁user" carries the sign that the prefix puts there.
        user_defined=[
            *CHAT, "\n", "    ", "▁▁▁", "<h1>", "</h1>", "->", "--", "\n\n", "##", "<|im_", "▁user", "é",
            *ordinary_controls,
        ],
        add_dummy_prefix=True,
    )  # fmt: skip
    proto = model_pb2.ModelProto.FromString(model)
    # Declared CONTROL only now: the trainer would put them before the chat tokens, and the chat tokens
    # are to keep Yi's ids.
    for piece in proto.pieces:
        if piece.piece in ordinary_controls:
            piece.type = TYPES.CONTROL
    return proto.SerializeToString(deterministic=True)


def tied() -> bytes:
    proto = model_pb2.ModelProto.FromString(
        _train(480, control=CONTROL, user_defined=[*CHAT, "\n"], add_dummy_prefix=False)
    )
    normal = [piece for piece in proto.pieces if piece.type == TYPES.NORMAL and len(piece.piece) > 1]
    # Levels of seven pieces: neighbours that compete for the same letters now tie.
    for index, piece in enumerate(normal):
        piece.score = -float(1 + index // 7)
    # UNUSED pieces at ordinary places in the list: half of them intermediate steps of longer pieces.
    by_text = {piece.piece: piece for piece in normal}
    for text in ("▁t", "he", "in", "▁an", "▁answer", "st", "er"):
        if text in by_text:
            by_text[text].type = TYPES.UNUSED
    return proto.SerializeToString(deterministic=True)


def describe(model: bytes) -> dict[str, int]:
    """How many pieces of each type a model has, for the report that make_checkpoints prints."""
    proto = model_pb2.ModelProto.FromString(model)
    counts: dict[str, int] = {}
    for piece in proto.pieces:
        name = TYPES.Type.Name(piece.type)
        counts[name] = counts.get(name, 0) + 1
    return counts
